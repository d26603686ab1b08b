// A person, or a script that plays one, at the other end.
#include "vmm/monitor/sessions.h"

namespace ringfold {

void HmpSession::say(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\n') out += '\r';
        out += c;
    }
    port_.send(out);
}

void HmpSession::connected() {
    say(Hmp::greeting() + std::string(Hmp::kPrompt));
}

// The line is said again, because QEMU's editor shows what is typed and scripts read over that.
void HmpSession::command(const std::string& unit) {
    say(unit + "\n" + hmp_.run(unit) + std::string(Hmp::kPrompt));
}

}  // namespace ringfold
