// What the policies share: guilt, which is traps that come faster than they are forgiven, and longer trials for those
// who were convicted before.
#pragma once

#include <algorithm>

#include "translator/adaptation/policy.h"

namespace ringfold {

// Adds the trap to the history. True: it is full.
inline bool is_guilty(const Thresholds& t, Trap trap, TrapHistory& history, uint64_t now) {
    const uint64_t forgiven = (now - history.last) / std::max<uint64_t>(t.forgiven_cycles, 1);
    history.last = now;
    history.score -= static_cast<uint32_t>(std::min<uint64_t>(history.score, forgiven));
    const uint32_t full = std::max(t.guilty_score, 1u);
    switch (trap) {
        case Trap::HiddenFault:
        case Trap::MissedJump:
            history.score += 1;
            break;
        case Trap::NotWindowed:
            history.score += full;
            break;  // it would trap each time
        case Trap::Divide:
            history.score += std::max(full / std::max(t.guilty_divides, 1u), 1u);
            break;
        default:
            history.score += std::max(full / 2, 1u);
    }
    return history.score >= full;
}

// Twice as long after each further conviction: fast to pessimise, slow to re-optimise.
inline uint32_t doubling_retry(const Thresholds& t, unsigned convictions) {
    constexpr unsigned kMostDoublings = 10;
    const uint64_t after = uint64_t{t.retry_after} << std::min(convictions ? convictions - 1 : 0, kMostDoublings);
    return static_cast<uint32_t>(std::min<uint64_t>(after, 0x7fffffff));
}

// A policy that convicts by that measure, and tries again.
class ByGuilt : public Policy {
public:
    explicit ByGuilt(const Thresholds& t) : t_(t) {}
    bool convict(Trap trap, TrapHistory& history, uint64_t now) const override {
        return is_guilty(t_, trap, history, now);
    }
    uint32_t retry_after(unsigned convictions) const override { return doubling_retry(t_, convictions); }

protected:
    const Thresholds t_;
};

}  // namespace ringfold
