// The terminal that ringfold was started on: raw while a guest uses it, and always given back.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <utility>

namespace ringfold {

// The commands behind Ctrl-A. Pure, so that it can be tested without a terminal.
class EscapeKeys {
public:
    enum class Command : uint8_t { Quit, Monitor, Help };
    struct Result {
        std::optional<uint8_t> byte;  // for the guest
        std::optional<Command> command;
    };
    Result feed(uint8_t byte);

private:
    bool escaped_ = false;
};

// One per process at a time.
class Terminal {
public:
    // Puts standard input into raw mode if it is a terminal and we are in its foreground. `guest_gets_ctrl_c`:
    // Ctrl-C and its like are plain bytes; otherwise they raise signals as usual.
    explicit Terminal(bool guest_gets_ctrl_c);
    ~Terminal();
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    // For poll(2); -1 once the input has ended, and while a guest that does not read has too much waiting.
    int input_fd() const;
    // Reads what has been typed, without waiting, and obeys the keys in it: also while the guest does not read.
    void receive();
    // The next byte for the guest.
    std::optional<uint8_t> take();
    // Ctrl-A c switches between the guest and a monitor: `key` gets what is typed for it, `focus` hears when it begins
    // and ends.
    void connect_monitor(std::function<void(uint8_t)> key, std::function<void(bool)> focus) {
        monitor_key_ = std::move(key);
        monitor_focus_ = std::move(focus);
    }
    bool quit_requested() const { return quit_; }

private:
    void obey(EscapeKeys::Command);

    EscapeKeys keys_;
    std::deque<uint8_t> typed_;
    std::function<void(uint8_t)> monitor_key_;
    std::function<void(bool)> monitor_focus_;
    bool in_monitor_ = false;
    bool is_terminal_ = false, input_ended_ = false, quit_ = false;
};

// Is the terminal's other screen in use? What gives the terminal back then leaves that as well.
void set_full_screen(bool on) noexcept;

// Async-signal-safe; harmless when there is nothing to restore.
void restore_terminal() noexcept;

}  // namespace ringfold
