// The way from a monitor's user, who may be hostile, to the vCPU's thread and back. A thread of its own reads a socket
// or standard input, cuts what comes into commands, and hands over one at a time: whoever sends more waits. Between two
// commands the guest has at least as long as the last one took. Answers that nobody reads are kept up to a limit; then
// the connection ends. The guest waits for none of this.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <sys/socket.h>

#include "vmm/host/fd.h"
#include "vmm/monitor/address.h"

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

class MonitorPort {
public:
    static constexpr size_t kLongestCommand = 1 << 20, kMostUnread = 8 << 20;

    // `hand_over` brings a function to the vCPU's thread. Throws HostError naming `option`.
    MonitorPort(std::string option, const MonitorAddress& address, std::unique_ptr<Framer> framer,
                std::function<void(std::function<void()>)> hand_over);
    ~MonitorPort();
    MonitorPort(const MonitorPort&) = delete;
    MonitorPort& operator=(const MonitorPort&) = delete;

    // Once; the session outlives the port. With "wait" this returns when somebody has come.
    void serve(MonitorSession& session);
    // From the vCPU's thread: to whoever is connected now.
    void send(std::string_view text);

private:
    void open_unix();
    void open_tcp();
    void open_socket(const sockaddr* where, socklen_t length);
    [[noreturn]] void fail(const std::string& doing) const;
    void run();
    void accept_one();
    void receive();
    void take_commands();
    void flush(bool last);
    void drop();
    void wake();
    void command_done(std::chrono::steady_clock::time_point began);
    std::optional<char> without_telnet(unsigned char byte);

    std::string option_;
    MonitorAddress address_;
    std::unique_ptr<Framer> framer_;
    std::function<void(std::function<void()>)> hand_over_;
    MonitorSession* session_ = nullptr;

    host::Fd listener_, connection_, event_;
    int in_ = -1, out_ = -1;  // of the connection; -1: there is none
    std::string received_;    // and not yet cut into commands
    enum class Telnet : uint8_t { Text, Command, Option, Sub, SubCommand } telnet_ = Telnet::Text;

    std::mutex mutex_;  // of all below
    std::string unsent_;
    bool busy_ = false, quit_ = false, overrun_ = false;
    std::chrono::steady_clock::time_point next_command_{};
    std::thread thread_;
};

}  // namespace ringfold
