// Notices that the host's time-stamp counter has begun anew, as it does on many hosts that slept, so that the guest's need
// not go back.
#pragma once

#include <cstdint>

#include "vmm/host/clock.h"

namespace ringfold::host {

class TscWatch {
public:
    // A counter of this rate; 0: of an unknown one, and nothing is noticed.
    explicit TscWatch(uint32_t khz) : khz_(khz) {}

    // By how many ticks the counter, which is `tsc` at `now` on CLOCK_MONOTONIC, stands behind where it was due since the
    // last look; nearly always 0. One that has run ahead is left alone: it went on while the clock stood.
    uint64_t fallen_back(Nanoseconds now, uint64_t tsc);

private:
    static constexpr Nanoseconds kBetweenLooks = kSecond;

    uint32_t khz_;
    bool looked_ = false;
    Nanoseconds seen_at_ = 0;
    uint64_t seen_ = 0;
};

}  // namespace ringfold::host
