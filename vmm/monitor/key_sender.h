// Keys that a monitor's user holds down for a while: pressed and released on the machine's time, one combination after
// the other, as fast as the keyboard takes them.
#pragma once

#include <deque>
#include <vector>

#include "devices/i8042.h"
#include "devices/timed_device.h"

namespace ringfold {

class KeySender final : public TimedDevice {
public:
    static constexpr size_t kMost = 4096;

    KeySender(const Clock& clock, I8042& keyboard) : clock_(clock), keyboard_(keyboard) {}

    // Presses all in their order and releases them in the other one. False: too many wait already.
    bool send(const std::vector<uint8_t>& keys, Nanoseconds hold);
    bool press(uint8_t key, bool down);

    std::optional<Nanoseconds> next_deadline() const override;
    void advance(Nanoseconds now) override;

private:
    struct Step {
        uint8_t key;
        bool down;
        Nanoseconds pause;  // before it
    };
    static constexpr Nanoseconds kRetry = 10 * kMillisecond;
    static constexpr unsigned kMostTries = 100;  // then nobody is listening

    void add(Step step);

    const Clock& clock_;
    I8042& keyboard_;
    std::deque<Step> steps_;
    Nanoseconds due_ = 0;  // of the first step
    unsigned tries_ = 0;
};

}  // namespace ringfold
