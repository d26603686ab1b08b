// One thread in poll(2) on a listener, a connection and an event.
#include "vmm/monitor/port.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "vmm/base/result.h"
#include "vmm/host/block_signals.h"

namespace ringfold {

namespace {

using Time = std::chrono::steady_clock;
constexpr size_t kPiece = 4096;  // a pipe that is ready for writing takes so much without waiting
constexpr auto kLongestPause = std::chrono::milliseconds(100), kFarewell = std::chrono::milliseconds(500);
constexpr unsigned char kIac = 255, kSubnegotiation = 250, kSubnegotiationEnd = 240, kFirstVerb = 251;

bool ready(int fd, short events, int milliseconds) {
    pollfd p{fd, events, 0};
    return poll(&p, 1, milliseconds) > 0;
}

}  // namespace

MonitorPort::MonitorPort(std::string option, const MonitorAddress& address, std::unique_ptr<Framer> framer,
                         std::function<void(std::function<void()>)> hand_over)
    : option_(std::move(option)),
      address_(address),
      framer_(std::move(framer)),
      hand_over_(std::move(hand_over)),
      event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!event_) fail("make an event descriptor");
    if (address_.kind == MonitorAddress::Kind::Unix) open_unix();
    if (address_.kind == MonitorAddress::Kind::Tcp) open_tcp();
}

MonitorPort::~MonitorPort() {
    {
        const std::lock_guard lock(mutex_);
        quit_ = true;
    }
    wake();
    if (thread_.joinable()) thread_.join();
    if (address_.kind == MonitorAddress::Kind::Unix && address_.server) unlink(address_.path.c_str());
}

void MonitorPort::fail(const std::string& doing) const {
    throw HostError(fmt::format("{}: cannot {}: {}; give another place", option_, doing, strerror(errno)));
}

// Listens there, or connects.
void MonitorPort::open_socket(const sockaddr* where, socklen_t length) {
    host::Fd fd(socket(where->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (address_.server) {
        const int on = 1;
        if (fd && where->sa_family == AF_INET) setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (!fd || bind(fd.get(), where, length) < 0 || listen(fd.get(), 1) < 0) fail("listen there");
    } else if (!fd || connect(fd.get(), where, length) < 0) {
        fail("connect there; with ,server,nowait it would listen");
    }
    if (fcntl(fd.get(), F_SETFL, O_NONBLOCK) < 0) fail("use the socket");
    (address_.server ? listener_ : connection_) = std::move(fd);
}

void MonitorPort::open_unix() {
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    if (address_.path.size() >= sizeof where.sun_path) {
        errno = ENAMETOOLONG;
        fail("use that path");
    }
    std::copy(address_.path.begin(), address_.path.end(), where.sun_path);
    if (address_.server) unlink(address_.path.c_str());  // of a program that is gone, as QEMU does
    open_socket(reinterpret_cast<const sockaddr*>(&where), sizeof where);
}

void MonitorPort::open_tcp() {
    addrinfo hints{};
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const std::string host = address_.host.empty() ? "127.0.0.1" : address_.host;
    if (const int error = getaddrinfo(host.c_str(), address_.port.c_str(), &hints, &found); error != 0 || !found)
        throw HostError(fmt::format("{}: {} port {}: {}", option_, host, address_.port, gai_strerror(error)));
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, freeaddrinfo);
    open_socket(found->ai_addr, found->ai_addrlen);
}

void MonitorPort::serve(MonitorSession& session) {
    session_ = &session;
    if (address_.wait) ready(listener_.get(), POLLIN, -1);
    const host::BlockSignals blocked;
    thread_ = std::thread([this] { run(); });
}

void MonitorPort::wake() {
    const uint64_t one = 1;
    if (::write(event_.get(), &one, sizeof one) < 0) return;  // full, so readable already
}

void MonitorPort::send(std::string_view text) {
    {
        const std::lock_guard lock(mutex_);
        if (unsent_.size() + text.size() > kMostUnread)
            overrun_ = true;
        else
            unsent_ += text;
    }
    wake();
}

void MonitorPort::command_done(Time::time_point began) {
    {
        const std::lock_guard lock(mutex_);
        const auto now = Time::now();
        next_command_ = now + std::min<Time::duration>(now - began, kLongestPause);
        busy_ = false;
    }
    wake();
}

void MonitorPort::run() {
    if (address_.kind == MonitorAddress::Kind::Stdio) {
        in_ = STDIN_FILENO;
        out_ = STDOUT_FILENO;
        hand_over_([this] { session_->connected(); });
    } else if (connection_) {
        in_ = out_ = connection_.get();
        hand_over_([this] { session_->connected(); });
    }
    for (;;) {
        bool wants_write, busy, overrun;
        int timeout = -1;
        {
            const std::lock_guard lock(mutex_);
            if (quit_) break;
            overrun = overrun_;
            if (overrun) unsent_.clear();
            wants_write = !unsent_.empty();
            busy = busy_;
            if (const auto left = next_command_ - Time::now(); !busy && left > Time::duration{} && !received_.empty())
                timeout = static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count());
        }
        if (overrun) drop();
        // What is waiting already is taken before more is read.
        const bool reads = in_ >= 0 && !busy && received_.empty();
        pollfd fds[] = {{event_.get(), POLLIN, 0},
                        {out_ < 0 && !busy ? listener_.get() : -1, POLLIN, 0},
                        {reads ? in_ : -1, POLLIN, 0},
                        {wants_write ? out_ : -1, POLLOUT, 0}};
        if (poll(fds, std::size(fds), timeout) < 0) continue;
        if (fds[0].revents) {
            uint64_t count;
            if (::read(event_.get(), &count, sizeof count) < 0) count = 0;
        }
        if (fds[1].revents) accept_one();
        if (fds[3].revents) flush(false);
        if (fds[2].revents && in_ >= 0) receive();
        take_commands();
    }
    flush(true);
    drop();
}

void MonitorPort::accept_one() {
    host::Fd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) return;
    connection_ = std::move(fd);
    in_ = out_ = connection_.get();
    received_.clear();
    framer_->clear();
    telnet_ = Telnet::Text;
    {
        const std::lock_guard lock(mutex_);
        unsent_.clear();
        overrun_ = false;
        // Will echo, will suppress go-ahead, and no other ceremony: the user's telnet then sends letters as typed.
        if (address_.telnet) unsent_ = "\xff\xfb\x01\xff\xfb\x03";
    }
    hand_over_([this] { session_->connected(); });
}

void MonitorPort::receive() {
    char bytes[kPiece];
    const ssize_t n = ::read(in_, bytes, sizeof bytes);
    if (n > 0) return received_.assign(bytes, static_cast<size_t>(n)), void();
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (address_.kind == MonitorAddress::Kind::Stdio)
        in_ = -1;  // what is printed still has a reader
    else
        flush(n == 0), drop();  // who closes his half has sent all, and may still read
}

// Commands of the telnet protocol (RFC 854) are read over; IAC IAC is a byte 255, which no command has.
std::optional<char> MonitorPort::without_telnet(unsigned char byte) {
    if (!address_.telnet) return static_cast<char>(byte);
    switch (telnet_) {
        case Telnet::Text:
            if (byte == kIac) telnet_ = Telnet::Command;
            return byte == kIac || byte == 0 ? std::nullopt : std::optional(static_cast<char>(byte));
        case Telnet::Command:
            telnet_ = byte == kSubnegotiation              ? Telnet::Sub
                      : byte >= kFirstVerb && byte != kIac ? Telnet::Option
                                                           : Telnet::Text;
            break;
        case Telnet::Option:
            telnet_ = Telnet::Text;
            break;
        case Telnet::Sub:
            if (byte == kIac) telnet_ = Telnet::SubCommand;
            break;
        case Telnet::SubCommand:
            telnet_ = byte == kSubnegotiationEnd ? Telnet::Text : Telnet::Sub;
            break;
    }
    return std::nullopt;
}

void MonitorPort::take_commands() {
    size_t used = 0;
    while (used < received_.size()) {
        {
            const std::lock_guard lock(mutex_);
            if (busy_ || Time::now() < next_command_) break;
        }
        const auto byte = without_telnet(static_cast<unsigned char>(received_[used++]));
        if (!byte) continue;
        if (framer_->feed(*byte)) {
            {
                const std::lock_guard lock(mutex_);
                busy_ = true;
            }
            hand_over_([this, unit = framer_->unit()] {
                const auto began = Time::now();
                session_->command(unit);
                command_done(began);
            });
            framer_->clear();
        } else if (framer_->unit().size() > kLongestCommand) {
            framer_->clear();
            if (address_.kind != MonitorAddress::Kind::Stdio) return drop();
        }
    }
    received_.erase(0, std::min(used, received_.size()));
}

void MonitorPort::flush(bool last) {
    const auto until = Time::now() + kFarewell;
    for (;;) {
        std::string piece;
        {
            const std::lock_guard lock(mutex_);
            piece = unsent_.substr(0, kPiece);
        }
        if (piece.empty() || out_ < 0) return;
        if (last && !ready(out_, POLLOUT, 50) && Time::now() < until) continue;
        if (last && Time::now() >= until) return;
        const ssize_t n = connection_ ? ::send(out_, piece.data(), piece.size(), MSG_NOSIGNAL)
                                      : ::write(out_, piece.data(), piece.size());
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            if (last) continue;
            return;
        }
        if (n <= 0) return drop();
        const std::lock_guard lock(mutex_);
        unsent_.erase(0, static_cast<size_t>(n));
        if (!last) return;
    }
}

void MonitorPort::drop() {
    const bool was = out_ >= 0;
    in_ = out_ = -1;
    connection_ = host::Fd();
    received_.clear();
    framer_->clear();
    {
        const std::lock_guard lock(mutex_);
        unsent_.clear();
        overrun_ = false;
    }
    if (was && !quit_) hand_over_([this] { session_->disconnected(); });
}

}  // namespace ringfold
