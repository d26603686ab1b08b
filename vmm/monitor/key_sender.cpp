// A queue of key events, each with the pause before it.
#include "vmm/monitor/key_sender.h"

namespace ringfold {

void KeySender::add(Step step) {
    if (steps_.empty()) due_ = clock_.now() + step.pause;
    steps_.push_back(step);
}

bool KeySender::send(const std::vector<uint8_t>& keys, Nanoseconds hold) {
    if (steps_.size() + 2 * keys.size() > kMost) return false;
    for (const uint8_t key : keys) add({key, true, 0});
    Nanoseconds pause = hold;
    for (size_t n = keys.size(); n-- > 0; pause = 0) add({keys[n], false, pause});
    deadline_moved();
    return true;
}

bool KeySender::press(uint8_t key, bool down) {
    if (steps_.size() >= kMost) return false;
    add({key, down, 0});
    deadline_moved();
    return true;
}

std::optional<Nanoseconds> KeySender::next_deadline() const {
    return steps_.empty() ? std::nullopt : std::optional(due_);
}

void KeySender::advance(Nanoseconds now) {
    while (!steps_.empty() && due_ <= now) {
        const Step step = steps_.front();
        if (!keyboard_.key(step.key, step.down) && ++tries_ < kMostTries) {
            due_ = now + kRetry;
            return;
        }
        tries_ = 0;
        steps_.pop_front();
        if (!steps_.empty()) due_ = now + steps_.front().pause;
    }
}

}  // namespace ringfold
