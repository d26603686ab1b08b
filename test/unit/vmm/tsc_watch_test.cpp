// The host's time-stamp counter against its clock.
#include <catch2/catch.hpp>

#include "vmm/host/tsc_watch.h"

using namespace ringfold;

namespace {
constexpr uint32_t kKhz = 2'000'000;
constexpr uint64_t kTicksPerSecond = uint64_t{kKhz} * 1000;
constexpr uint64_t kStart = uint64_t{1} << 60;
}  // namespace

TEST_CASE("a counter that keeps its rate is left alone, and so is one that is slewed or runs ahead") {
    host::TscWatch watch(kKhz);
    uint64_t tsc = kStart;
    CHECK(watch.fallen_back(0, tsc) == 0);
    for (int64_t second = 1; second < 100; ++second)
        CHECK(watch.fallen_back(second * kSecond, tsc += kTicksPerSecond) == 0);
    // Idle for a day, while NTP slews the clock.
    CHECK(watch.fallen_back(86'500 * kSecond, tsc += kTicksPerSecond * 86'400 / 1000 * 1000 - 40 * kTicksPerSecond) == 0);
    CHECK(watch.fallen_back(86'501 * kSecond, tsc += 3600 * kTicksPerSecond) == 0);
    CHECK(watch.fallen_back(86'502 * kSecond, tsc += kTicksPerSecond) == 0);
}

TEST_CASE("a counter that began anew is behind by what it lost") {
    host::TscWatch watch(kKhz);
    watch.fallen_back(0, kStart);
    CHECK(watch.fallen_back(10 * kMillisecond, 500) == kStart + kTicksPerSecond / 100 - 500);
    CHECK(watch.fallen_back(10 * kMillisecond + kSecond, 500 + kTicksPerSecond) == 0);
}

TEST_CASE("a counter of an unknown rate is not judged") {
    host::TscWatch watch(0);
    watch.fallen_back(0, kStart);
    CHECK(watch.fallen_back(kSecond, 5) == 0);
}
