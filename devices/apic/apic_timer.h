// The local APIC's timer: a 32-bit count down behind a divider (SDM volume 3, 10.5.4).
#pragma once

#include <cstdint>
#include <optional>

#include "vmm/host/clock.h"

namespace ringfold {

class ApicTimer {
public:
    // The clock that is divided; CPUID leaf 15H tells it as the crystal's.
    static constexpr int64_t kFrequency = 10'000'000;
    static constexpr Nanoseconds kTick = kSecond / kFrequency;

    struct State {
        uint32_t initial = 0;
        uint32_t count = 0;       // as it was at `since`; 0: stopped
        Nanoseconds since = 0;    // when it was written, ran out last, or the divider changed
        uint8_t divide = 0;       // the divide configuration register
        bool periodic = false;

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "initial", initial, "count", count, "since", since, "divide", divide, "periodic",
                           periodic);
            archive.require(count <= initial && since >= 0 && since < kFarthest, "since");
        }
    };

    uint32_t initial() const { return state_.initial; }
    uint8_t divide() const { return state_.divide; }
    unsigned divisor() const;
    uint32_t current(Nanoseconds now) const;

    void set_initial(uint32_t count, Nanoseconds now);
    void set_divide(uint8_t value, Nanoseconds now);
    void set_periodic(bool periodic) { state_.periodic = periodic; }

    // When it runs out next. Periods shorter than a host can follow fall together.
    std::optional<Nanoseconds> next() const;
    // Whether it has run out since the last call, once or more often.
    bool advance(Nanoseconds now);

    const State& state() const { return state_; }
    void restore(const State& s) { state_ = s; }

private:
    static constexpr Nanoseconds kFarthest = Nanoseconds{1} << 61;
    Nanoseconds tick() const { return kTick * divisor(); }
    Nanoseconds end() const { return state_.since + state_.count * tick(); }

    State state_;
};

}  // namespace ringfold
