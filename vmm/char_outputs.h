// The host's ends of a machine's ports, which stay open when it is reset.
#pragma once

#include <array>

#include "vmm/chardev/char_stream.h"
#include "vmm/host/mailbox.h"
#include "vmm/log_lines.h"
#include "vmm/options.h"

namespace ringfold {

// Nowhere, until they are opened.
struct CharOutputs {
    std::array<CharStream, kSerialPorts> serials;
    CharStream debugcon;
    LogLines bios{log::Bios, "bios: "};

    // The mailbox wakes the vCPU's thread when there is something to do; it outlives this. Throws HostError.
    void open(const CharEnds& ends, host::Mailbox& mailbox);
    // Once a machine is there. With "wait" this returns when somebody has come.
    void serve();
};

}  // namespace ringfold
