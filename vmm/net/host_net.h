// The host's end of a cable: two bounded queues between the vCPU's thread and the thread of whoever carries frames on.
#pragma once

#include <deque>
#include <mutex>

#include "vmm/host/fd.h"
#include "vmm/host/mailbox.h"
#include "vmm/net/net_port.h"

namespace ringfold::net {

class HostNet : public NetPort {
public:
    // The mailbox outlives it; its letters are never opened once it is gone, because nothing opens letters any more.
    explicit HostNet(host::Mailbox& mailbox);

    void send(std::span<const uint8_t> frame) override;
    std::optional<Frame> receive() override;

    struct Counts {
        uint64_t sent = 0, sent_bytes = 0, received = 0, received_bytes = 0, lost_out = 0, lost_in = 0;
    };
    Counts counts() const;

protected:
    // --- on the carrier's thread ---
    void deliver(std::span<const uint8_t> frame);  // padded to the shortest that Ethernet knows
    // The guest has enough to do: better to let frames wait where they come from.
    bool guest_is_behind() const;
    std::deque<Frame> take_sent();
    // Readable once there is something in take_sent(), the guest has caught up, or wake() was called.
    int wake_fd() const { return wake_.get(); }
    void clear_wake();
    void wake();

private:
    host::Mailbox& mailbox_;
    host::Fd wake_;
    mutable std::mutex mutex_;
    std::deque<Frame> to_host_, to_guest_;
    bool announced_ = false;  // a letter about to_guest_ is on its way
    bool behind_ = false;     // the carrier waits for the guest
    Counts counts_;
};

}  // namespace ringfold::net
