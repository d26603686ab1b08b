// The host's clock as a machine's time: CLOCK_MONOTONIC counted from power-on, CLOCK_REALTIME for the date.
#include "vmm/host/clock.h"

#include <time.h>

namespace ringfold {

namespace {

Nanoseconds read_clock(clockid_t id) {
    timespec t{};
    clock_gettime(id, &t);
    return static_cast<Nanoseconds>(t.tv_sec) * kSecond + t.tv_nsec;
}

}  // namespace

HostClock::HostClock(Nanoseconds start_at) : origin_(read_clock(CLOCK_MONOTONIC) - start_at) {}

Nanoseconds HostClock::now() const {
    if (stopped_at_) return *stopped_at_;
    return read_clock(CLOCK_MONOTONIC) - origin_;
}

Nanoseconds HostClock::wall() const {
    return read_clock(CLOCK_REALTIME);
}

}  // namespace ringfold
