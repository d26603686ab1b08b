// Everything that enters a machine from outside, in one place: the time, what is typed on its console, and what other
// threads have done for it (disk requests). A test supplies its own; a recorder could stand between the host and the
// machine.
#pragma once

#include <cstdint>
#include <optional>

#include "devices/byte_stream.h"
#include "vmm/host/clock.h"
#include "vmm/host/mailbox.h"
#include "vmm/terminal.h"

namespace ringfold {

class Input : public ByteSource {
public:
    virtual const Clock& clock() const = 0;
    // Looks for what has been typed; take() then hands it out. `console_fd` is for poll(2): readable when there is
    // something, -1 while nothing is wanted or nothing can come.
    virtual void receive() = 0;
    virtual int console_fd() const = 0;
    // What the other threads have for the machine.
    virtual host::Mailbox& mailbox() = 0;
    // The user asked to leave, by a key that is not the guest's.
    virtual bool left() const = 0;
    // When a moment of clock() comes, on the host's CLOCK_MONOTONIC.
    virtual Nanoseconds to_monotonic(Nanoseconds t) const = 0;
    // A restored machine's time goes on from there. A test's own clock stays the test's.
    virtual void set_time(Nanoseconds) {}
    // While the machine is stopped its time stands still.
    virtual void stop_time() {}
    virtual void continue_time() {}
};

// The host's clock, and the terminal if there is one.
class HostInput final : public Input {
public:
    void connect(Terminal* terminal) { terminal_ = terminal; }
    const Clock& clock() const override { return clock_; }
    std::optional<uint8_t> take() override { return terminal_ ? terminal_->take() : std::nullopt; }
    void receive() override {
        if (terminal_) terminal_->receive();
    }
    int console_fd() const override { return terminal_ ? terminal_->input_fd() : -1; }
    host::Mailbox& mailbox() override { return mailbox_; }
    bool left() const override { return terminal_ && terminal_->quit_requested(); }
    Nanoseconds to_monotonic(Nanoseconds t) const override { return clock_.to_monotonic(t); }
    void set_time(Nanoseconds t) override { clock_.set(t); }
    void set_wall(Nanoseconds at_zero) { clock_.set_wall(at_zero); }
    void show_local_time() { clock_.show_local_time(); }
    void stop_time() override { clock_.stop(); }
    void continue_time() override { clock_.go_on(); }

private:
    HostClock clock_;
    host::Mailbox mailbox_;
    Terminal* terminal_ = nullptr;
};

}  // namespace ringfold
