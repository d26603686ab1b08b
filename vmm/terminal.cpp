// Raw mode, its undoing on every way out, and the Ctrl-A keys.
#include "vmm/terminal.h"

#include <poll.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "vmm/host/crash_report.h"
#include "vmm/host/fd.h"

namespace ringfold {

namespace {

constexpr uint8_t kCtrlA = 1;
constexpr size_t kTypedAhead = 64 << 10;

// Written before `raw` is set and never while it is: signal handlers read them.
termios original_mode, raw_mode;
volatile sig_atomic_t raw = 0, full_screen = 0;

void on_suspend(int) {
    const int saved = errno;
    if (raw) tcsetattr(STDIN_FILENO, TCSANOW, &original_mode);
    raise(SIGSTOP);
    errno = saved;
}

void on_continue(int) {
    const int saved = errno;
    // "bg" continues us too; touching the terminal from the background would stop us again.
    if (raw && tcgetpgrp(STDIN_FILENO) == getpgrp()) tcsetattr(STDIN_FILENO, TCSANOW, &raw_mode);
    errno = saved;
}

void install_job_control() {
    struct sigaction action {};
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    action.sa_handler = on_suspend;
    sigaction(SIGTSTP, &action, nullptr);
    action.sa_handler = on_continue;
    sigaction(SIGCONT, &action, nullptr);
}

}  // namespace

void set_full_screen(bool on) noexcept {
    full_screen = on;
}

void restore_terminal() noexcept {
    if (full_screen) {
        constexpr char kLeave[] = "\x1b[?1049l\x1b[?25h\x1b[0m\r\n";  // as xterm and its kin know it
        full_screen = 0;
        [[maybe_unused]] const ssize_t n = ::write(STDOUT_FILENO, kLeave, sizeof kLeave - 1);
    }
    if (!raw) return;
    raw = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &original_mode);
}

EscapeKeys::Result EscapeKeys::feed(uint8_t byte) {
    if (!escaped_) {
        escaped_ = byte == kCtrlA;
        return escaped_ ? Result{} : Result{.byte = byte, .command = {}};
    }
    escaped_ = false;
    switch (byte) {
        case 'x':
            return {.byte = {}, .command = Command::Quit};
        case 'c':
            return {.byte = {}, .command = Command::Monitor};
        case 'h':
        case '?':
            return {.byte = {}, .command = Command::Help};
        default:
            return {.byte = byte, .command = {}};  // Ctrl-A Ctrl-A among them
    }
}

Terminal::Terminal(bool guest_gets_ctrl_c) {
    is_terminal_ = isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp();
    if (!is_terminal_ || tcgetattr(STDIN_FILENO, &original_mode) != 0) return;
    raw_mode = original_mode;
    cfmakeraw(&raw_mode);
    // Output keeps its translation of line feeds: our own messages and the log share the screen with the guest.
    raw_mode.c_oflag = original_mode.c_oflag;
    if (!guest_gets_ctrl_c) raw_mode.c_lflag |= ISIG;
    install_job_control();
    static const int registered = atexit(restore_terminal);
    host::set_crash_hook(restore_terminal);
    if (registered == 0 && tcsetattr(STDIN_FILENO, TCSANOW, &raw_mode) == 0) raw = 1;
}

Terminal::~Terminal() {
    restore_terminal();
}

int Terminal::input_fd() const {
    // From a terminal we read on even then, for the keys; what is behind a pipe waits there.
    return input_ended_ || (!is_terminal_ && typed_.size() >= kTypedAhead) ? -1 : STDIN_FILENO;
}

void Terminal::receive() {
    while (input_fd() >= 0) {
        pollfd ready{STDIN_FILENO, POLLIN, 0};
        if (poll(&ready, 1, 0) <= 0 || !ready.revents) return;
        uint8_t bytes[256];
        const ssize_t n = ::read(STDIN_FILENO, bytes, sizeof bytes);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
        if (n <= 0) input_ended_ = true;
        for (ssize_t i = 0; i < n; ++i) {
            const auto result = keys_.feed(bytes[i]);
            if (result.byte && in_monitor_)
                monitor_key_(*result.byte);
            else if (result.byte && typed_.size() < kTypedAhead + sizeof bytes)
                typed_.push_back(*result.byte);
            if (result.command) obey(*result.command);
        }
    }
}

std::optional<uint8_t> Terminal::take() {
    if (typed_.empty()) return std::nullopt;
    const uint8_t byte = typed_.front();
    typed_.pop_front();
    return byte;
}

void Terminal::obey(EscapeKeys::Command command) {
    const auto say = [](std::string_view text) {
        host::write_all(STDOUT_FILENO, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    };
    switch (command) {
        case EscapeKeys::Command::Quit:
            quit_ = true;
            break;
        case EscapeKeys::Command::Monitor:
            if (!monitor_key_) {
                say("\r\nringfold: no monitor here; start with -monitor unix:PATH,server,nowait\r\n");
                break;
            }
            in_monitor_ = !in_monitor_;
            monitor_focus_(in_monitor_);
            break;
        case EscapeKeys::Command::Help:
            say("\r\nCtrl-A x  leave ringfold\r\nCtrl-A c  to the monitor and back\r\nCtrl-A h  this text\r\n"
                "Ctrl-A Ctrl-A  send Ctrl-A to the guest\r\n");
            break;
    }
}

}  // namespace ringfold
