// Two queues behind one mutex. One letter tells of any number of frames, so a busy network does not flood the mailbox.
#include "vmm/net/host_net.h"

#include <unistd.h>

#include <sys/eventfd.h>

#include "vmm/base/result.h"

namespace ringfold::net {

namespace {

// Frames. A burst of a TCP window has room; a guest that never looks does not cost more than a few MiB.
constexpr size_t kMostToHost = 2048, kMostToGuest = 2048;
constexpr size_t kBehind = 256, kCaughtUp = 128;

}  // namespace

HostNet::HostNet(host::Mailbox& mailbox) : mailbox_(mailbox), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!wake_) throw HostError("cannot make an event descriptor: the limit on open files is too low (ulimit -n)");
}

void HostNet::wake() {
    const uint64_t one = 1;
    if (::write(wake_.get(), &one, sizeof one) < 0) return;  // full, so readable already
}

void HostNet::clear_wake() {
    uint64_t count;
    if (::read(wake_.get(), &count, sizeof count) < 0) return;  // nothing to take back
}

void HostNet::send(std::span<const uint8_t> frame) {
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        if (frame.size() < kHeaderBytes || frame.size() > kLargestFrame || to_host_.size() >= kMostToHost) {
            ++counts_.lost_out;
            return;
        }
        first = to_host_.empty();
        to_host_.emplace_back(frame.begin(), frame.end());
        ++counts_.sent;
        counts_.sent_bytes += frame.size();
    }
    if (first) wake();
}

std::optional<Frame> HostNet::receive() {
    std::optional<Frame> frame;
    bool caught_up = false;
    {
        const std::lock_guard lock(mutex_);
        if (to_guest_.empty()) return std::nullopt;
        frame = std::move(to_guest_.front());
        to_guest_.pop_front();
        ++counts_.received;
        counts_.received_bytes += frame->size();
        caught_up = behind_ && to_guest_.size() <= kCaughtUp;
        if (caught_up) behind_ = false;
    }
    if (caught_up) wake();
    return frame;
}

HostNet::Counts HostNet::counts() const {
    const std::lock_guard lock(mutex_);
    return counts_;
}

void HostNet::deliver(std::span<const uint8_t> frame) {
    bool announce = false;
    {
        const std::lock_guard lock(mutex_);
        if (frame.size() < kHeaderBytes || frame.size() > kLargestFrame || to_guest_.size() >= kMostToGuest) {
            ++counts_.lost_in;
            return;
        }
        Frame& added = to_guest_.emplace_back(frame.begin(), frame.end());
        if (added.size() < kSmallestFrame) added.resize(kSmallestFrame);
        behind_ = behind_ || to_guest_.size() >= kBehind;
        announce = !announced_;
        announced_ = true;
    }
    if (!announce) return;
    mailbox_.post([this] {
        {
            const std::lock_guard lock(mutex_);
            announced_ = false;
        }
        tell_arrival();
    });
}

bool HostNet::guest_is_behind() const {
    const std::lock_guard lock(mutex_);
    return behind_;
}

std::deque<Frame> HostNet::take_sent() {
    std::deque<Frame> frames;
    const std::lock_guard lock(mutex_);
    frames.swap(to_host_);
    return frames;
}

}  // namespace ringfold::net
