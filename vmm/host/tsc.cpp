// The rate of the host's time-stamp counter, measured against CLOCK_MONOTONIC from the program's start on.
#include "vmm/host/tsc.h"

#include <cpuid.h>
#include <x86intrin.h>

#include "vmm/host/clock.h"

namespace ringfold::host {

namespace {

struct Moment {
    uint64_t tsc;
    Nanoseconds time;
};

const HostClock clock;

// The counter and the clock at the same time: of a few attempts the one that nothing interrupted.
Moment moment() {
    Moment best{};
    uint64_t shortest = UINT64_MAX;
    for (int i = 0; i < 16; i++) {
        const uint64_t before = __rdtsc();
        const Nanoseconds time = clock.now();
        const uint64_t took = __rdtsc() - before;
        if (took >= shortest) continue;
        shortest = took;
        best = {before + took / 2, time};
    }
    return best;
}

const Moment program_start = moment();

bool invariant() {
    uint32_t eax, ebx, ecx, edx = 0;
    return __get_cpuid(0x80000007, &eax, &ebx, &ecx, &edx) && (edx & 1u << 8);
}

uint32_t measure() {
    if (!invariant()) return 0;
    Moment end = moment();
    while (end.time - program_start.time < 10 * kMillisecond) end = moment();
    const auto ticks = static_cast<__int128>(end.tsc - program_start.tsc);
    return static_cast<uint32_t>(ticks * kMillisecond / (end.time - program_start.time));
}

}  // namespace

uint32_t tsc_khz() {
    static const uint32_t khz = measure();
    return khz;
}

}  // namespace ringfold::host
