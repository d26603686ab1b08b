// Cuts what comes on a channel into commands, and paces them.
#include "vmm/monitor/port.h"

#include <algorithm>

namespace ringfold {

namespace {

using Time = std::chrono::steady_clock;
constexpr auto kLongestPause = std::chrono::milliseconds(100);

}  // namespace

MonitorPort::MonitorPort(std::string option, std::string label, const CharAddress& address, std::unique_ptr<Framer> framer,
                         std::function<void(std::function<void()>)> hand_over)
    : framer_(std::move(framer)),
      hand_over_(std::move(hand_over)),
      on_terminal_(address.kind == CharAddress::Kind::Stdio),
      channel_(std::move(option), std::move(label), address) {}

void MonitorPort::serve(MonitorSession& session) {
    session_ = &session;
    channel_.serve(*this);
}

void MonitorPort::send(std::string_view text) {
    if (channel_.send(text, kMostUnread) < text.size()) channel_.disconnect();
}

void MonitorPort::command_done(Time::time_point began) {
    {
        const std::lock_guard lock(mutex_);
        const auto now = Time::now();
        next_command_ = now + std::min<Time::duration>(now - began, kLongestPause);
        busy_ = false;
    }
    channel_.wake();
}

void MonitorPort::connected() {
    hand_over_([this] { session_->connected(); });
}

void MonitorPort::disconnected() {
    received_.clear();
    framer_->clear();
    hand_over_([this] { session_->disconnected(); });
}

// What is waiting already is taken before more is read.
bool MonitorPort::wants_input() {
    const std::lock_guard lock(mutex_);
    return !busy_ && received_.empty();
}

// Who comes next does not get the answer to the last one's command.
bool MonitorPort::may_connect() {
    const std::lock_guard lock(mutex_);
    return !busy_;
}

std::optional<std::chrono::milliseconds> MonitorPort::attend() {
    take_commands();
    const std::lock_guard lock(mutex_);
    const auto left = next_command_ - Time::now();
    if (busy_ || received_.empty() || left <= Time::duration{}) return std::nullopt;
    return std::chrono::ceil<std::chrono::milliseconds>(left);
}

void MonitorPort::take_commands() {
    size_t used = 0;
    while (used < received_.size()) {
        {
            const std::lock_guard lock(mutex_);
            if (busy_ || Time::now() < next_command_) break;
        }
        if (framer_->feed(received_[used++])) {
            {
                const std::lock_guard lock(mutex_);
                busy_ = true;
            }
            hand_over_([this, unit = framer_->unit()] {
                const auto began = Time::now();
                session_->command(unit);
                command_done(began);
            });
            framer_->clear();
        } else if (framer_->unit().size() > kLongestCommand) {
            framer_->clear();
            if (!on_terminal_) channel_.disconnect();
        }
    }
    received_.erase(0, used);
}

}  // namespace ringfold
