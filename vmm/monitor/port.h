// The way from a monitor's user, who may be hostile, to the vCPU's thread and back. What comes is cut into commands, and
// one at a time is handed over: whoever sends more waits. Between two commands the guest has at least as long as the last
// one took. Answers that nobody reads are kept up to a limit; then the connection ends. The guest waits for none of this.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "vmm/chardev/char_channel.h"

namespace ringfold {

// Cuts a stream of bytes into commands.
class Framer {
public:
    virtual ~Framer() = default;
    // True: a command has ended with this byte, and is in unit(), which the next feed() empties.
    virtual bool feed(char byte) = 0;
    const std::string& unit() const { return unit_; }
    virtual void clear() { unit_.clear(); }

protected:
    std::string unit_;
};

// Whoever understands the commands. All calls come on the vCPU's thread.
class MonitorSession {
public:
    virtual ~MonitorSession() = default;
    virtual void connected() = 0;
    virtual void command(const std::string& unit) = 0;
    virtual void disconnected() {}
};

class MonitorPort final : private CharUser {
public:
    static constexpr size_t kLongestCommand = 1 << 20, kMostUnread = 8 << 20;

    // `hand_over` brings a function to the vCPU's thread. Throws HostError naming `option`.
    MonitorPort(std::string option, std::string label, const CharAddress& address, std::unique_ptr<Framer> framer,
                std::function<void(std::function<void()>)> hand_over);

    // Once; the session outlives the port. With "wait" this returns when somebody has come.
    void serve(MonitorSession& session);
    // From the vCPU's thread: to whoever is connected now.
    void send(std::string_view text);

private:
    void connected() override;
    void disconnected() override;
    void received(std::string_view bytes) override { received_ = bytes; }
    bool wants_input() override;
    bool may_connect() override;
    std::optional<std::chrono::milliseconds> attend() override;
    void take_commands();
    void command_done(std::chrono::steady_clock::time_point began);

    std::unique_ptr<Framer> framer_;
    std::function<void(std::function<void()>)> hand_over_;
    MonitorSession* session_ = nullptr;
    bool on_terminal_;
    std::string received_;  // and not yet cut into commands

    std::mutex mutex_;  // of the next two
    bool busy_ = false;
    std::chrono::steady_clock::time_point next_command_{};
    CharChannel channel_;  // goes first, with its thread
};

}  // namespace ringfold
