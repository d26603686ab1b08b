// Where the host's end of a character device is: the argument of -serial, -parallel, -debugcon, -monitor and -qmp, in
// QEMU's spelling.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ringfold {

struct CharAddress {
    enum class Kind : uint8_t { None, Stdio, File, Pty, Unix, Tcp } kind = Kind::None;
    std::string path;        // Unix, File
    std::string host, port;  // Tcp; an empty host is the loopback
    bool telnet = false;
    bool server = false;  // somebody comes to us; else we go there
    bool wait = false;    // the machine starts once somebody has come
    bool append = false;  // File
    bool keys = false;    // Stdio: Ctrl-A commands are taken out of the input, and Ctrl-C goes to the guest
};

// none, null, stdio, mon:stdio, pty, file:PATH, unix:PATH[,server][,nowait], tcp:HOST:PORT[,...], telnet:HOST:PORT[,...].
// `option` is "monitor" and the like; throws HostError with a remedy.
CharAddress parse_char_address(std::string_view option, std::string_view text);

// Is that a port of TCP: a number, or the name of a service, which only the host knows?
bool is_tcp_port(std::string_view port);

}  // namespace ringfold
