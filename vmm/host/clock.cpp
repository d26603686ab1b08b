// The host's clock as a machine's time: CLOCK_MONOTONIC counted from power-on, CLOCK_REALTIME for the date.
#include "vmm/host/clock.h"

#include <time.h>

#include <utility>

namespace ringfold {

namespace {

Nanoseconds read_clock(clockid_t id) {
    timespec t{};
    clock_gettime(id, &t);
    return static_cast<Nanoseconds>(t.tv_sec) * kSecond + t.tv_nsec;
}

Nanoseconds east_of_utc(Nanoseconds moment) {
    const time_t seconds = static_cast<time_t>(moment / kSecond);
    tm local{};
    return localtime_r(&seconds, &local) ? static_cast<Nanoseconds>(local.tm_gmtoff) * kSecond : 0;
}

}  // namespace

HostClock::HostClock(Nanoseconds start_at) : origin_(read_clock(CLOCK_MONOTONIC) - start_at) {}

Nanoseconds HostClock::now() const {
    if (stopped_at_) return *stopped_at_;
    return read_clock(CLOCK_MONOTONIC) - origin_;
}

void HostClock::set(Nanoseconds time) {
    if (stopped_at_) stopped_at_ = time;
    origin_ = read_clock(CLOCK_MONOTONIC) - time;
}

void HostClock::go_on() {
    if (const auto from = std::exchange(stopped_at_, std::nullopt)) set(*from);
}

Nanoseconds HostClock::wall() const {
    if (wall_at_zero_) return *wall_at_zero_ + now();
    const Nanoseconds utc = read_clock(CLOCK_REALTIME);
    return local_ ? utc + east_of_utc(utc) : utc;
}

}  // namespace ringfold
