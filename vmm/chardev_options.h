// QEMU's long form of the ends of character devices: -chardev socket,id=NAME,... with -mon chardev=NAME or -serial
// chardev:NAME. Each becomes the short form that says the same.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/monitor/address.h"

namespace ringfold {

struct ChardevOptions {
    std::map<std::string, std::string> short_form;  // by id: "unix:PATH,server,nowait", "file:PATH", "mon:stdio", "null"

    struct Monitor {
        std::string chardev, shown;
        bool qmp = false;
    };
    std::vector<Monitor> monitors;
};

// Each throws HostError with a remedy.
void parse_chardev(std::string_view argument, ChardevOptions&);
void parse_mon(std::string_view argument, ChardevOptions&);
// What stands for "chardev:NAME"; anything else stands for itself.
std::string without_chardev(std::string_view option, std::string_view value, const ChardevOptions&);
// At the end of the command line.
void connect_monitors(const ChardevOptions&, std::vector<MonitorAddress>& monitors, std::vector<MonitorAddress>& qmp);

}  // namespace ringfold
