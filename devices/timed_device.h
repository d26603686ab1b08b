// A device that acts on time: the machine's loop asks when, and calls back then.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "vmm/host/clock.h"

namespace ringfold {

class TimedDevice {
public:
    virtual ~TimedDevice() = default;
    // When advance() is needed next, on the device's clock; may be in the past. None: not before a register access
    // or another input changes it.
    virtual std::optional<Nanoseconds> next_deadline() const = 0;
    // Does all that is due up to `now`. Harmless when called early, late, or when nothing is due.
    virtual void advance(Nanoseconds now) = 0;
    // `listener` hears when next_deadline() may have moved outside advance(), which is inside a port access.
    void on_deadline_moved(std::function<void()> listener) { listener_ = std::move(listener); }

protected:
    void deadline_moved() const {
        if (listener_) listener_();
    }

private:
    std::function<void()> listener_;
};

}  // namespace ringfold
