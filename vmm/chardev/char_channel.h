// The host's end of a character device, with a thread of its own that waits for it: whoever uses the channel, and the
// guest, wait for nothing. A peer may go and another come; while there is none, what is sent vanishes. What a peer does
// not read is kept up to a limit that the sender gives.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "vmm/chardev/char_address.h"
#include "vmm/chardev/telnet.h"
#include "vmm/host/fd.h"

namespace ringfold {

// All calls come on the channel's thread.
class CharUser {
public:
    virtual ~CharUser() = default;
    virtual void connected() {}
    virtual void disconnected() {}
    virtual void received(std::string_view bytes) = 0;
    virtual void break_received() {}
    // Else what comes waits where it comes from.
    virtual bool wants_input() = 0;
    // May the next peer come, now that one has gone?
    virtual bool may_connect() { return true; }
    // All that was sent has gone, after send() had taken less than it was given.
    virtual void room() {}
    // Does what is due; says when to call again, if not only after something has happened.
    virtual std::optional<std::chrono::milliseconds> attend() { return std::nullopt; }
};

class CharChannel {
public:
    // Opens the file, listens or connects. `option` ("-serial") and `label` ("serial0") are for messages. Throws HostError.
    CharChannel(std::string option, std::string label, const CharAddress& address);
    // Gives what is unsent a last chance.
    ~CharChannel();
    CharChannel(const CharChannel&) = delete;
    CharChannel& operator=(const CharChannel&) = delete;

    // Once; the user outlives the channel. With "wait" this returns when somebody has come.
    void serve(CharUser& user);

    // On any thread. Takes so much from the front that at most `most` bytes are unsent, and says how much.
    size_t send(std::string_view bytes, size_t most);
    void disconnect();
    void wake();  // asks the user anew what it wants

private:
    void run();
    void accept_one();
    void look_at_pty();
    void connect(int in, int out);
    void receive();
    size_t write_some(std::string_view bytes);
    bool is_ready() const;
    void flush();
    void say_farewell();
    void drop();

    CharAddress address_;
    CharUser* user_ = nullptr;
    host::Fd listener_, connection_, pty_, file_, event_;
    int in_ = -1;  // -1: nothing comes any more
    Telnet telnet_;

    std::mutex mutex_;  // of all below
    int out_ = -1;      // -1: there is no peer
    bool broken_ = false;  // writing has failed
    std::string unsent_;
    bool quit_ = false, hang_up_ = false, refused_ = false;
    std::thread thread_;
};

}  // namespace ringfold
