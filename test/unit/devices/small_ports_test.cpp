// The devices of one register: ports 0x80, 0xE9 and 0xCF9, isa-debug-exit; and the clocks.
#include <time.h>
#include <x86intrin.h>

#include <catch2/catch.hpp>

#include "devices/bus.h"
#include "devices/debug_port.h"
#include "devices/isa_debug_exit.h"
#include "devices/post_port.h"
#include "devices/reset_control.h"
#include "test/unit/devices/support.h"
#include "vmm/host/clock.h"
#include "vmm/host/tsc.h"

using namespace ringfold;

TEST_CASE("port 0x80 reads back the code") {
    PostPort post;
    put(post, 0, 0xab);
    CHECK(get(post, 0) == 0xab);
    CHECK(post.state().code == 0xab);
    post.reset();
    CHECK(get(post, 0) == 0x00);
}

TEST_CASE("port 0xE9 identifies itself and passes bytes on") {
    FakeSink sink;
    DebugPort port(sink);
    Bus bus;
    bus.claim(PortRange{.base = 0xe9}, port);
    CHECK(bus.in(0xe9, 1) == 0xe9);
    for (char c : std::string("ok\n")) bus.out(0xe9, 1, static_cast<uint8_t>(c));
    CHECK(sink.text == "ok\n");
}

TEST_CASE("isa-debug-exit's status is (v << 1) | 1 of the whole value written") {
    int status = -1;
    IsaDebugExit device([&](int s) { status = s; });
    Bus bus;
    bus.claim(PortRange{.base = 0xf4, .length = 4, .width = Width::Dword}, device);
    bus.out(0xf4, 1, 0);
    CHECK(status == 1);
    bus.out(0xf4, 1, 0x10);
    CHECK(status == 33);
    bus.out(0xf4, 4, 0x1234);
    CHECK(status == 0x2469);
}

TEST_CASE("0xCF9 resets when its bit 2 rises, and only by a byte") {
    unsigned resets = 0;
    ResetControl control([&] { resets++; });
    Bus bus;
    bus.claim(PortRange{.base = 0xcf8, .length = 4, .width = Width::Dword}, control);
    bus.out(0xcf9, 1, 0x02);
    CHECK(resets == 0);
    CHECK(bus.in(0xcf9, 1) == 0x02);
    bus.out(0xcf9, 1, 0x06);
    CHECK(resets == 1);
    bus.out(0xcf9, 1, 0x06);
    CHECK(resets == 1);
    control.reset();
    // A PCI configuration address whose second byte happens to have the bit.
    bus.out(0xcf8, 4, 0x80000400);
    CHECK(resets == 1);
    CHECK(bus.in(0xcf8, 4) == 0xffffffff);
    CHECK(bus.in(0xcf9, 1) == 0x00);
}

TEST_CASE("the host's clock goes on from where it is told, and its origin fits the host's timers") {
    const HostClock clock(5 * kSecond);
    const Nanoseconds first = clock.now();
    CHECK(first >= 5 * kSecond);
    CHECK(first < 65 * kSecond);
    Nanoseconds last = first;
    for (int i = 0; i < 1000; i++) {
        const Nanoseconds t = clock.now();
        CHECK(t >= last);
        last = t;
    }
    timespec host{};
    clock_gettime(CLOCK_MONOTONIC, &host);
    const Nanoseconds host_now = host.tv_sec * kSecond + host.tv_nsec;
    CHECK(clock.to_monotonic(last) <= host_now);
    CHECK(clock.to_monotonic(last) > host_now - 60 * kSecond);
    CHECK(clock.wall() > 1'600'000'000 * kSecond);
}

TEST_CASE("the host's time-stamp counter has the rate that is measured") {
    const uint32_t khz = host::tsc_khz();
    if (khz == 0) return;  // a host that promises nothing
    const HostClock clock;
    const Nanoseconds from = clock.now();
    const uint64_t first = __rdtsc();
    while (clock.now() - from < 20 * kMillisecond) continue;
    const uint64_t ticks = __rdtsc() - first;
    const Nanoseconds took = clock.now() - from;
    const double rate = static_cast<double>(ticks) * 1e6 / static_cast<double>(took);
    CHECK(rate == Approx(khz).epsilon(0.01));
}

TEST_CASE("a manual clock moves only when told") {
    ManualClock clock(100 * kSecond);
    CHECK(clock.now() == 0);
    CHECK(clock.wall() == 100 * kSecond);
    clock.step(7);
    CHECK(clock.now() == 7);
    CHECK(clock.wall() == 100 * kSecond + 7);
}
