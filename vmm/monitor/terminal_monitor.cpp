// Echoes what is typed, and runs the lines.
#include "vmm/monitor/terminal_monitor.h"

#include <unistd.h>

#include "vmm/host/fd.h"

namespace ringfold {

void TerminalMonitor::say(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\n') out += '\r';
        out += c;
    }
    host::write_all(STDOUT_FILENO, {reinterpret_cast<const uint8_t*>(out.data()), out.size()});
}

void TerminalMonitor::focus(bool here) {
    line_.clear();
    if (here) say("\n" + hmp_.greeting() + std::string(hmp_.prompt()));
}

void TerminalMonitor::key(uint8_t byte) {
    const size_t before = line_.unit().size();
    if (!line_.feed(static_cast<char>(byte))) {
        const size_t now = line_.unit().size();
        if (now > before) say(hmp_.shown({reinterpret_cast<const char*>(&byte), 1}));
        if (now < before) say("\b \b");
        return;
    }
    say("\n");
    // Not from here, in the middle of the loop's service.
    control_.enqueue([this, line = line_.unit()] {
        say(hmp_.run(line));
        say(hmp_.prompt());
    });
    line_.clear();
}

}  // namespace ringfold
