// The bytes of a guest's port, to and from the host.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "devices/byte_stream.h"
#include "vmm/chardev/char_channel.h"

namespace ringfold {

// Nowhere, until it is opened: it takes all and gives nothing. The device's calls come on the vCPU's thread.
class CharStream final : public ByteSink, public ByteSource, private CharUser {
public:
    // `stirred` is called on another thread when there is something to take, or room again after a write() that took
    // less than all. Throws HostError.
    void open(std::string option, std::string label, const CharAddress& address, std::function<void()> stirred);
    // Once, if it is open. With "wait" this returns when somebody has come.
    void serve();

    // A peer that does not read gets as much as fits, and the device waits; without a peer what is written vanishes.
    size_t write(std::span<const uint8_t> bytes) override;
    std::optional<uint8_t> take() override;
    // Has a peer sent a break since the last call?
    bool take_break() { return break_.exchange(false, std::memory_order_relaxed); }

private:
    static constexpr size_t kMostUnread = 64 << 10, kMostUntaken = 4 << 10;

    void received(std::string_view bytes) override;
    void break_received() override;
    bool wants_input() override;
    void room() override { stirred_(); }

    std::function<void()> stirred_;
    bool reads_ = true;  // what is typed on a terminal comes from elsewhere
    std::atomic<bool> break_{false}, waiting_{false};
    std::mutex mutex_;
    std::deque<uint8_t> untaken_;
    std::unique_ptr<CharChannel> channel_;  // goes first, with its thread
};

}  // namespace ringfold
