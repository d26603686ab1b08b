// Opens what the command line gives to each port.
#include "vmm/char_outputs.h"

#include <fmt/format.h>

namespace ringfold {

void CharOutputs::open(const CharEnds& ends, host::Mailbox& mailbox) {
    const auto stirred = [&mailbox] { mailbox.post([] {}); };
    for (size_t n = 0; n < serials.size(); ++n)
        if (ends.serials[n]) serials[n].open("-serial", fmt::format("serial{}", n), *ends.serials[n], stirred);
    if (ends.debugcon) debugcon.open("-debugcon", "debugcon", *ends.debugcon, stirred);
}

void CharOutputs::serve() {
    for (CharStream& stream : serials) stream.serve();
    debugcon.serve();
}

}  // namespace ringfold
