// One thread in poll(2) on a listener, a connection and an event.
#include "vmm/chardev/char_channel.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "vmm/base/result.h"
#include "vmm/chardev/char_open.h"
#include "vmm/host/block_signals.h"
#include "vmm/host/stop_signals.h"

namespace ringfold {

namespace {

using Kind = CharAddress::Kind;
using Time = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;
constexpr size_t kPiece = 4096;  // a pipe that is ready for writing takes so much without waiting
constexpr Milliseconds kFarewell{500}, kPtyLook{200};

bool ready(int fd, short events, int milliseconds) {
    pollfd p{fd, events, 0};
    return poll(&p, 1, milliseconds) > 0;
}

// Nobody has the other end of a pseudo-terminal open.
bool is_alone(const host::Fd& pty) {
    pollfd p{pty.get(), 0, 0};
    return poll(&p, 1, 0) > 0 && (p.revents & POLLHUP);
}

}  // namespace

CharChannel::CharChannel(std::string option, std::string label, const CharAddress& address)
    : address_(address), event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!event_) throw HostError(fmt::format("{}: the limit on open files is too low (ulimit -n)", option));
    switch (address_.kind) {
        case Kind::None:
            break;
        case Kind::Stdio:
            connect(STDIN_FILENO, STDOUT_FILENO);
            break;
        case Kind::File:
            file_ = open_char_file(option, address_);
            connect(-1, file_.get());
            break;
        case Kind::Pty: {
            Pty pty = open_pty(option);
            pty_ = std::move(pty.master);
            fmt::print("char device redirected to {} (label {})\n", pty.name, label);  // QEMU's words, for scripts
            fflush(stdout);
            break;
        }
        case Kind::Unix:
        case Kind::Tcp:
            (address_.server ? listener_ : connection_) = open_socket(option, address_);
            if (connection_) connect(connection_.get(), connection_.get());
            break;
    }
}

CharChannel::~CharChannel() {
    {
        const std::lock_guard lock(mutex_);
        quit_ = true;
    }
    wake();
    if (thread_.joinable()) thread_.join();
    if (address_.kind == Kind::Unix && address_.server) unlink(address_.path.c_str());
}

void CharChannel::serve(CharUser& user) {
    user_ = &user;
    if (address_.wait) ready(listener_.get(), POLLIN, -1);
    const host::BlockSignals blocked;
    thread_ = std::thread([this] { run(); });
}

void CharChannel::wake() {
    const uint64_t one = 1;
    if (::write(event_.get(), &one, sizeof one) < 0) return;  // full, so readable already
}

void CharChannel::disconnect() {
    {
        const std::lock_guard lock(mutex_);
        hang_up_ = true;
    }
    wake();
}

// Our own descriptors do not block. Standard output belongs to others too, who may want it to, and a file may be a pipe.
bool CharChannel::is_ready() const {
    return connection_ || pty_ || ready(out_, POLLOUT, 0);
}

// How much could be written without waiting. With the mutex held.
size_t CharChannel::write_some(std::string_view bytes) {
    if (broken_ || bytes.empty() || !is_ready()) return 0;
    bytes = bytes.substr(0, kPiece);
    const ssize_t n = connection_ ? ::send(out_, bytes.data(), bytes.size(), MSG_NOSIGNAL)
                                  : ::write(out_, bytes.data(), bytes.size());
    broken_ = n < 0 && errno != EAGAIN && errno != EINTR;
    return n < 0 ? 0 : static_cast<size_t>(n);
}

size_t CharChannel::send(std::string_view bytes, size_t most) {
    const std::lock_guard lock(mutex_);
    if (out_ < 0 || broken_) return bytes.size();
    const size_t taken = std::min(bytes.size(), most - std::min(most, unsent_.size()));
    refused_ |= taken < bytes.size();
    std::string escaped;
    std::string_view piece = bytes.substr(0, taken);
    if (address_.telnet) piece = escaped = Telnet::escaped(piece);
    if (unsent_.empty()) piece.remove_prefix(write_some(piece));
    if (broken_ || (unsent_.empty() && !piece.empty())) wake();
    unsent_ += piece;
    return taken;
}

void CharChannel::run() {
    if (out_ >= 0) user_->connected();
    for (;;) {
        const auto due = user_->attend();
        int timeout = due ? static_cast<int>(due->count()) : -1;
        bool wants_write, hang_up;
        int out;
        {
            const std::lock_guard lock(mutex_);
            if (quit_) break;
            wants_write = !unsent_.empty();
            hang_up = std::exchange(hang_up_, false) || broken_;
            out = out_;
        }
        if (hang_up) {
            drop();
            continue;
        }
        if (pty_ && out < 0) timeout = timeout < 0 ? kPtyLook.count() : std::min<int>(timeout, kPtyLook.count());
        pollfd fds[] = {{event_.get(), POLLIN, 0},
                        {out < 0 && user_->may_connect() ? listener_.get() : -1, POLLIN, 0},
                        {user_->wants_input() ? in_ : -1, POLLIN, 0},
                        {wants_write ? out : -1, POLLOUT, 0}};
        if (poll(fds, std::size(fds), timeout) < 0) continue;
        if (fds[0].revents) {
            uint64_t count;
            if (::read(event_.get(), &count, sizeof count) < 0) count = 0;
        }
        if (fds[1].revents) accept_one();
        if (pty_ && out >= 0 && ((fds[2].revents | fds[3].revents) & POLLHUP)) {
            drop();
            continue;
        }
        if (fds[3].revents) flush();
        if (fds[2].revents && in_ >= 0) receive();
        if (pty_ && out < 0) look_at_pty();
    }
    say_farewell();
    drop();
}

void CharChannel::connect(int in, int out) {
    const std::lock_guard lock(mutex_);
    in_ = in;
    out_ = out;
    unsent_.clear();
    hang_up_ = refused_ = broken_ = false;
    telnet_.clear();
    if (address_.telnet && address_.server) unsent_ = Telnet::greeting();
}

void CharChannel::accept_one() {
    host::Fd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) return;
    connection_ = std::move(fd);
    connect(connection_.get(), connection_.get());
    user_->connected();
}

void CharChannel::look_at_pty() {
    if (is_alone(pty_)) return;
    connect(pty_.get(), pty_.get());
    user_->connected();
}

void CharChannel::receive() {
    char bytes[kPiece];
    const ssize_t n = ::read(in_, bytes, sizeof bytes);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (n > 0 && address_.telnet) {
        const Telnet::Heard heard = telnet_.feed({bytes, static_cast<size_t>(n)});
        if (!heard.text.empty()) user_->received(heard.text);
        if (heard.brk) user_->break_received();
    } else if (n > 0) {
        user_->received({bytes, static_cast<size_t>(n)});
    } else if (address_.kind == Kind::Stdio) {
        in_ = -1;  // what is printed still has a reader
    } else {
        if (n == 0) say_farewell();  // who closes his half has sent all, and may still read
        drop();
    }
}

void CharChannel::flush() {
    bool room = false;
    {
        const std::lock_guard lock(mutex_);
        unsent_.erase(0, write_some(unsent_));
        room = (unsent_.empty() || broken_) && std::exchange(refused_, false);
    }
    if (room) user_->room();
}

// Sockets have half a second; the user's own output as long as it takes, unless he wants us to end.
void CharChannel::say_farewell() {
    const auto until = Time::now() + kFarewell;
    const bool patient = address_.kind == Kind::Stdio || address_.kind == Kind::File;
    for (;;) {
        int out;
        {
            const std::lock_guard lock(mutex_);
            if (unsent_.empty() || out_ < 0 || broken_) return;
            out = out_;
        }
        if (Time::now() >= until && (!patient || host::stop_signal())) return;
        if (ready(out, POLLOUT, 50)) flush();
    }
}

void CharChannel::drop() {
    bool had_peer, room, quit;
    {
        const std::lock_guard lock(mutex_);
        had_peer = std::exchange(out_, -1) >= 0;
        in_ = -1;
        connection_ = host::Fd();
        unsent_.clear();
        hang_up_ = broken_ = false;
        room = std::exchange(refused_, false);
        quit = quit_;
    }
    if (had_peer && !quit) user_->disconnected();
    if (room && !quit) user_->room();  // now all vanishes
}

}  // namespace ringfold
