// socket(2), open(2) and the pseudo-terminals.
#include "vmm/chardev/char_open.h"

#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "vmm/base/result.h"

namespace ringfold {

namespace {

[[noreturn]] void fail(const std::string& option, std::string_view doing) {
    throw HostError(fmt::format("{}: cannot {}: {}; give another place", option, doing, strerror(errno)));
}

// Listens there, or connects.
host::Fd open_at(const std::string& option, bool server, const sockaddr* where, socklen_t length) {
    host::Fd fd(socket(where->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (server) {
        const int on = 1;
        if (fd && where->sa_family == AF_INET) setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (!fd || bind(fd.get(), where, length) < 0 || listen(fd.get(), 1) < 0) fail(option, "listen there");
    } else if (!fd || connect(fd.get(), where, length) < 0) {
        fail(option, "connect there; with ,server,nowait it would listen");
    }
    if (fcntl(fd.get(), F_SETFL, O_NONBLOCK) < 0) fail(option, "use the socket");
    return fd;
}

host::Fd open_unix(const std::string& option, const CharAddress& address) {
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    if (address.path.size() >= sizeof where.sun_path) {
        errno = ENAMETOOLONG;
        fail(option, "use that path");
    }
    std::copy(address.path.begin(), address.path.end(), where.sun_path);
    if (address.server) unlink(address.path.c_str());  // of a program that is gone, as QEMU does
    return open_at(option, address.server, reinterpret_cast<const sockaddr*>(&where), sizeof where);
}

host::Fd open_tcp(const std::string& option, const CharAddress& address) {
    addrinfo hints{};
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const std::string host = address.host.empty() ? "127.0.0.1" : address.host;
    if (const int error = getaddrinfo(host.c_str(), address.port.c_str(), &hints, &found); error != 0 || !found)
        throw HostError(fmt::format("{}: {} port {}: {}", option, host, address.port, gai_strerror(error)));
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, freeaddrinfo);
    return open_at(option, address.server, found->ai_addr, found->ai_addrlen);
}

}  // namespace

host::Fd open_socket(const std::string& option, const CharAddress& address) {
    return address.kind == CharAddress::Kind::Unix ? open_unix(option, address) : open_tcp(option, address);
}

host::Fd open_char_file(const std::string& option, const CharAddress& address) {
    const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (address.append ? O_APPEND : O_TRUNC);
    host::Fd fd(::open(address.path.c_str(), flags, 0666));
    if (!fd)
        throw HostError(fmt::format("{} file:{}: cannot write it: {}; give another path", option, address.path, strerror(errno)));
    return fd;
}

Pty open_pty(const std::string& option) {
    Pty pty{host::Fd(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)), {}};
    char name[64];
    if (!pty.master || grantpt(pty.master.get()) < 0 || unlockpt(pty.master.get()) < 0 ||
        ptsname_r(pty.master.get(), name, sizeof name) != 0)
        fail(option, "make a pseudo-terminal");
    pty.name = name;
    // Its settings stay when we close it.
    const host::Fd other(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
    termios mode{};
    if (!other || tcgetattr(other.get(), &mode) < 0) fail(option, "set up the pseudo-terminal");
    cfmakeraw(&mode);
    if (tcsetattr(other.get(), TCSANOW, &mode) < 0) fail(option, "set up the pseudo-terminal");
    return pty;
}

}  // namespace ringfold
