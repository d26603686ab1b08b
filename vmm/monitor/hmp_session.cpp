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
    say(hmp_.greeting() + std::string(hmp_.prompt()));
}

// The line is said again, because QEMU's editor shows what is typed and scripts read over that.
void HmpSession::command(const std::string& unit) {
    const std::string typed = hmp_.shown(unit);
    const std::string answer = hmp_.run(unit);
    say(typed + "\n" + answer + std::string(hmp_.prompt()));
}

}  // namespace ringfold
