// Where a monitor listens, or connects to: the argument of -monitor and -qmp, in QEMU's spelling.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ringfold {

struct MonitorAddress {
    enum class Kind : uint8_t { None, Stdio, Unix, Tcp } kind = Kind::None;
    std::string path;        // Unix
    std::string host, port;  // Tcp; an empty host is the loopback
    bool telnet = false;
    bool server = false;  // somebody comes to us; else we go there
    bool wait = false;    // the machine starts once somebody has come
};

// none, stdio, unix:PATH[,server][,nowait], tcp:HOST:PORT[,...], telnet:HOST:PORT[,...]. `option` is "monitor" or
// "qmp"; throws HostError with a remedy.
MonitorAddress parse_monitor_address(std::string_view option, std::string_view text);

}  // namespace ringfold
