// A queue of what has come, and the channel for what goes.
#include "vmm/chardev/char_stream.h"

namespace ringfold {

void CharStream::open(std::string option, std::string label, const CharAddress& address, std::function<void()> stirred) {
    if (address.kind == CharAddress::Kind::None) return;
    reads_ = address.kind != CharAddress::Kind::Stdio;
    stirred_ = std::move(stirred);
    channel_ = std::make_unique<CharChannel>(std::move(option), std::move(label), address);
}

void CharStream::serve() {
    if (channel_) channel_->serve(*this);
}

size_t CharStream::write(std::span<const uint8_t> bytes) {
    if (!channel_) return bytes.size();
    return channel_->send({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, kMostUnread);
}

std::optional<uint8_t> CharStream::take() {
    if (!waiting_.load(std::memory_order_relaxed)) return std::nullopt;
    bool emptied;
    uint8_t byte;
    {
        const std::lock_guard lock(mutex_);
        byte = untaken_.front();
        untaken_.pop_front();
        emptied = untaken_.empty();
        if (emptied) waiting_ = false;
    }
    if (emptied) channel_->wake();
    return byte;
}

void CharStream::received(std::string_view bytes) {
    {
        const std::lock_guard lock(mutex_);
        untaken_.insert(untaken_.end(), bytes.begin(), bytes.end());
        waiting_ = true;
    }
    stirred_();
}

void CharStream::break_received() {
    break_ = true;
    stirred_();
}

bool CharStream::wants_input() {
    const std::lock_guard lock(mutex_);
    return reads_ && untaken_.size() < kMostUntaken;
}

}  // namespace ringfold
