// The CPU and the clock as parts of a snapshot: what is relative to the host's counters is made absolute.
#pragma once

#include <x86intrin.h>

#include "vmm/base/cpu_state.h"
#include "vmm/input.h"

namespace ringfold {

// `tsc_offset` is the guest's counter itself in a saved state.
class CpuPart {
public:
    explicit CpuPart(CpuState& state) : state_(state) {}
    CpuState state() const {
        CpuState s = state_;
        s.tsc_offset += __rdtsc();
        return s;
    }
    void restore(const CpuState& s) {
        state_ = s;
        state_.tsc_offset -= __rdtsc();
    }

private:
    CpuState& state_;
};

// The machine's time goes on where it was: all deadlines in the devices' states are on its scale.
class ClockPart {
public:
    struct State {
        Nanoseconds now = 0;

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "now", now);
            archive.require(now >= 0 && now < Nanoseconds{1} << 60, "now");
        }
    };
    explicit ClockPart(Input& input) : input_(input) {}
    State state() const { return {input_.clock().now()}; }
    void restore(const State& s) { input_.set_time(s.now); }

private:
    Input& input_;
};

}  // namespace ringfold
