// The local APIC's timer.
#include "devices/apic/apic_timer.h"

#include <algorithm>

namespace ringfold {

namespace {
constexpr Nanoseconds kClosestTicks = 10 * kMicrosecond;
}

// Bits 0, 1 and 3: the divisor's exponent less one; 111 divides by one (SDM volume 3, figure 10-10).
unsigned ApicTimer::divisor() const {
    const unsigned code = (state_.divide & 3) | (state_.divide >> 1 & 4);
    return 1u << ((code + 1) & 7);
}

uint32_t ApicTimer::current(Nanoseconds now) const {
    if (!state_.count) return 0;
    const int64_t passed = (now - state_.since) / tick();
    if (passed < state_.count) return static_cast<uint32_t>(state_.count - passed);
    if (!state_.periodic) return 0;
    return static_cast<uint32_t>(state_.initial - (passed - state_.count) % state_.initial);
}

void ApicTimer::set_initial(uint32_t count, Nanoseconds now) {
    state_.initial = state_.count = count;
    state_.since = now;
}

void ApicTimer::set_divide(uint8_t value, Nanoseconds now) {
    state_.count = current(now);
    state_.since = now;
    state_.divide = value & 0xb;
}

std::optional<Nanoseconds> ApicTimer::next() const {
    if (!state_.count) return std::nullopt;
    return state_.periodic ? std::max(end(), state_.since + kClosestTicks) : end();
}

bool ApicTimer::advance(Nanoseconds now) {
    const auto due = next();
    if (!due || *due > now) return false;
    const Nanoseconds period = state_.initial * tick();
    if (state_.periodic) {
        state_.since = end() + (now - end()) / period * period;
        state_.count = state_.initial;
    } else {
        state_.since = now;
        state_.count = 0;
    }
    return true;
}

}  // namespace ringfold
