// Where devices get the time from: the host's clock in a running machine, the test's own in a test.
#pragma once

#include <cstdint>
#include <optional>

namespace ringfold {

using Nanoseconds = int64_t;
inline constexpr Nanoseconds kMicrosecond = 1'000, kMillisecond = 1'000'000, kSecond = 1'000'000'000;

class Clock {
public:
    virtual ~Clock() = default;
    // Time since the machine's power-on: never goes back. Device states hold times on this scale, so whoever
    // restores them continues the scale first.
    virtual Nanoseconds now() const = 0;
    // Time of day: since 1970, UTC. Only the RTC asks. It moves against now() when the host sleeps or is set.
    virtual Nanoseconds wall() const = 0;
};

class HostClock final : public Clock {
public:
    explicit HostClock(Nanoseconds start_at = 0);
    Nanoseconds now() const override;
    Nanoseconds wall() const override;
    // The same moment on the host's CLOCK_MONOTONIC, for arming an absolute host timer.
    Nanoseconds to_monotonic(Nanoseconds t) const { return t + origin_; }
    // Goes on from another time; a stopped clock stays stopped.
    void set(Nanoseconds time);
    // Stops, and goes on from there. On the thread that asks for the time.
    void stop() {
        if (!stopped_at_) stopped_at_ = now();
    }
    void go_on();
    // The time of day at time zero, instead of the host's.
    void set_wall(Nanoseconds at_zero) { wall_at_zero_ = at_zero; }
    // The host's time of day as its users read it, for guests that take the RTC for that.
    void show_local_time() { local_ = true; }

private:
    Nanoseconds origin_;  // CLOCK_MONOTONIC at time zero
    std::optional<Nanoseconds> stopped_at_, wall_at_zero_;
    bool local_ = false;
};

class ManualClock final : public Clock {
public:
    explicit ManualClock(Nanoseconds wall_at_start = 0) : wall_at_start_(wall_at_start) {}
    Nanoseconds now() const override { return now_; }
    Nanoseconds wall() const override { return wall_at_start_ + now_; }
    void step(Nanoseconds by) { now_ += by; }
    // The host slept, or its clock was set.
    void step_wall(Nanoseconds by) { wall_at_start_ += by; }
    void set(Nanoseconds to) { now_ = to; }

private:
    Nanoseconds wall_at_start_;
    Nanoseconds now_ = 0;
};

}  // namespace ringfold
