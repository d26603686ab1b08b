// HPET at its registers.
#include <catch2/catch.hpp>
#include <random>

#include "devices/hpet.h"
#include "devices/pit.h"
#include "test/unit/devices/support.h"

using namespace ringfold;

namespace {

enum Register : uint32_t { kId = 0, kPeriod = 4, kConfig = 0x10, kStatus = 0x20, kCounter = 0xf0, kTimer0 = 0x100, kTimer1 = 0x120, kTimer2 = 0x140 };
constexpr uint32_t kComparator = 8;
constexpr uint32_t kLevel = 2, kInterrupt = 4, kPeriodic = 8, kSetValue = 0x40, k32Bit = 0x100;
constexpr uint32_t pin(unsigned n) {
    return n << 9;
}

class WatchedPins final : public IrqSink {
public:
    void set_irq(unsigned input, bool level) override {
        rises[input] += level && !(levels >> input & 1);
        levels = level ? levels | 1u << input : levels & ~(1u << input);
    }
    uint32_t levels = 0;
    std::array<unsigned, 32> rises{};
};

struct Timers {
    Timers() { hpet.connect(pins); }
    uint32_t read(uint32_t offset) { return hpet.read(offset, 4); }
    void write(uint32_t offset, uint32_t value) { hpet.write(offset, 4, value); }
    void write64(uint32_t offset, uint64_t value) {
        write(offset, static_cast<uint32_t>(value));
        write(offset + 4, static_cast<uint32_t>(value >> 32));
    }
    uint64_t read64(uint32_t offset) { return read(offset) | uint64_t{read(offset + 4)} << 32; }
    void step(Nanoseconds by) {
        clock.step(by);
        hpet.advance(clock.now());
    }
    ManualClock clock{0};
    WatchedLines irqs;
    WatchedPins pins;
    Hpet hpet{clock, irqs};
};

}  // namespace

TEST_CASE("HPET says what it is") {
    Timers t;
    CHECK(t.read(kId) == 0x8086a201);
    CHECK(t.read(kPeriod) == 10'000'000);
    CHECK(t.read(kTimer0) == 0x30);
    CHECK(t.read(kTimer0 + 4) == 0x00ff0000);
    CHECK(t.read64(kTimer0 + kComparator) == UINT64_MAX);
    t.write(kTimer0, 0xffffffff);
    CHECK(t.read(kTimer0) == 0x17e);  // a route that is not offered is not taken (2.3.8, Tn_INT_ROUTE_CNF)
    t.write(kTimer0, pin(17));
    CHECK(t.read(kTimer0) == (0x30 | pin(17)));
    t.write(kTimer0, 0);
    CHECK(t.read(kTimer0) == 0x30);
    CHECK(t.read(0x160) == 0);
    CHECK(t.hpet.read(kId, 2) == 0);
    t.write(kId, 0);
    CHECK(t.read(kId) == 0x8086a201);
    t.write(kConfig, 0xfffffffc);
    CHECK(t.read(kConfig) == 0);
}

TEST_CASE("the main counter counts tens of nanoseconds, and is set while it stands") {
    Timers t;
    t.step(kMillisecond);
    CHECK(t.read64(kCounter) == 0);
    t.write64(kCounter, 0xffffffff0);
    t.write(kConfig, 1);
    t.step(kMicrosecond);
    CHECK(t.read64(kCounter) == 0xffffffff0 + 100);
    t.write(kCounter, 5);
    CHECK(t.read64(kCounter) == 0xffffffff0 + 100);
    t.write(kConfig, 0);
    t.step(kMicrosecond);
    CHECK(t.read64(kCounter) == 0xffffffff0 + 100);
}

TEST_CASE("a comparator matches once") {
    Timers t;
    t.write(kConfig, 1);
    t.write(kTimer2, kInterrupt | pin(20));
    t.write64(kTimer2 + kComparator, 1000);
    CHECK(t.hpet.next_deadline() == 10 * kMicrosecond);
    t.step(9 * kMicrosecond);
    CHECK(t.pins.rises[20] == 0);
    t.step(kMicrosecond);
    CHECK(t.pins.rises[20] == 1);
    CHECK(t.read(kStatus) == 0);
    CHECK_FALSE(t.hpet.next_deadline());  // of 64 bits: not in this world
    // What has passed does not match, what is now does.
    t.write64(kTimer2 + kComparator, 900);
    CHECK_FALSE(t.hpet.next_deadline());
    t.write64(kTimer2 + kComparator, 1000);
    CHECK(t.pins.rises[20] == 2);
    // With 32 bits it comes around.
    t.write(kTimer2, kInterrupt | k32Bit | pin(20));
    CHECK(t.hpet.next_deadline() == 10 * ((int64_t{1} << 32) + 1000));
    t.step(10 * (int64_t{1} << 32));
    CHECK(t.pins.rises[20] == 3);
    // No interrupt, no reason to look.
    t.write(kTimer2, 0);
    t.write64(kTimer2 + kComparator, (uint64_t{1} << 32) + 5000);
    CHECK_FALSE(t.hpet.next_deadline());
    // A pin that cannot be chosen.
    t.write(kTimer2, kInterrupt | pin(3));
    t.step(kSecond);
    CHECK(t.pins.rises[3] == 0);
    CHECK(t.pins.levels == 0);
}

TEST_CASE("a comparator that repeats") {
    Timers t;
    t.write(kConfig, 1);
    t.write(kTimer0, kInterrupt | kPeriodic | kSetValue | pin(16));
    t.write64(kTimer0 + kComparator, 5000);
    t.write64(kTimer0 + kComparator, 10000);
    CHECK(t.read64(kTimer0 + kComparator) == 5000);
    CHECK((t.read(kTimer0) & kSetValue) == 0);
    t.step(50 * kMicrosecond);
    CHECK(t.pins.rises[16] == 1);
    CHECK(t.read64(kTimer0 + kComparator) == 15000);
    CHECK(t.hpet.next_deadline() == 150 * kMicrosecond);
    t.step(450 * kMicrosecond);  // at 500: four matches that nobody saw are one
    CHECK(t.pins.rises[16] == 2);
    CHECK(t.hpet.next_deadline() == 550 * kMicrosecond);
    // All 64 bits are set when software asks.
    t.write(kTimer0, kInterrupt | kPeriodic | kSetValue | pin(16));
    t.write64(kTimer0 + kComparator, 0x500000000);
    CHECK(t.read64(kTimer0 + kComparator) == 0x500000000);
    // Faster than any host.
    t.write(kTimer0, kInterrupt | kPeriodic | kSetValue | k32Bit | pin(16));
    t.write(kTimer0 + kComparator, t.read(kCounter) + 1);
    t.write(kTimer0 + kComparator, 1);
    CHECK(t.hpet.next_deadline() == t.clock.now() + 10 * kMicrosecond);
    t.write(kTimer0 + kComparator, 0);
    t.step(kSecond);
}

TEST_CASE("a level stays until its status is cleared") {
    Timers t;
    t.write(kTimer1, kInterrupt | kLevel | pin(17));
    t.write64(kTimer1 + kComparator, 100);
    t.write(kConfig, 1);
    t.step(2 * kMicrosecond);
    CHECK(t.read(kStatus) == 2);
    CHECK(t.pins.levels == 1u << 17);
    t.write(kTimer1, kInterrupt | kLevel | pin(18));  // it moves along
    CHECK(t.pins.levels == 1u << 18);
    t.write(kStatus, 5);
    CHECK(t.pins.levels == 1u << 18);
    t.write(kStatus, 2);
    CHECK(t.pins.levels == 0);
    CHECK(t.read(kStatus) == 0);
}

TEST_CASE("HPET takes the places of the 8254 and the RTC") {
    Timers t;
    unsigned replaced = 0;
    t.hpet.on_replaced([&](bool on) { replaced = on ? replaced + 1 : replaced + 100; });
    const IrqLine pit = t.hpet.line(0), rtc = t.hpet.line(8);
    pit.raise();
    CHECK(t.irqs.level(0));
    t.write(kTimer0, kInterrupt | pin(20));
    t.write64(kTimer0 + kComparator, 100);
    t.write64(kTimer1 + kComparator, 200);
    t.write(kTimer1, kInterrupt);
    t.write(kConfig, 3);
    CHECK(replaced == 1);
    CHECK_FALSE(t.irqs.level(0));
    t.irqs.take_rises(0);
    pit.edge(), rtc.edge();
    CHECK(t.irqs.rises(0) == 0);
    CHECK(t.irqs.rises(8) == 0);
    t.step(kMicrosecond);
    CHECK(t.irqs.rises(0) == 1);
    CHECK(t.pins.rises[20] == 0);
    t.step(kMicrosecond);
    CHECK(t.irqs.rises(8) == 1);
    t.write(kConfig, 1);
    CHECK(replaced == 101);
    CHECK(t.irqs.level(0));  // the 8254's own
    pit.lower();
    CHECK_FALSE(t.irqs.level(0));
}

TEST_CASE("the 8254 need not be looked at while HPET has its place") {
    ManualClock clock;
    WatchedLines irqs;
    Pit pit(clock, IrqLine(irqs, 0));
    CHECK(pit.next_deadline());
    pit.set_heard(false);
    CHECK_FALSE(pit.next_deadline());
    pit.set_heard(true);
    CHECK(pit.next_deadline());
}

TEST_CASE("random guests against HPET") {
    const unsigned seed = GENERATE(range(1u, 21u));
    CAPTURE(seed);
    std::mt19937 random(seed);
    Timers a, b;
    const auto event = [](Timers& t, uint32_t r, uint32_t value) -> uint64_t {
        static constexpr uint32_t kRegisters[] = {0x10, 0x20, 0xf0, 0xf4, 0x100, 0x108, 0x10c, 0x120, 0x128, 0x12c, 0x140, 0x148, 0x14c};
        const uint32_t offset = r & 0xf00 ? kRegisters[(r >> 12) % std::size(kRegisters)] : (r >> 12) % 0x400;
        const unsigned size = r & 0xf0 ? 4 : 1u << (r >> 24) % 3;
        switch (r % 8) {
            case 0: t.hpet.line(r & 0x100 ? 8 : 0).set(value & 1); break;
            case 1: t.write(kConfig, 1 | (value & 2)); break;
            case 2:
            case 3: return t.hpet.read(offset, size);
            default: t.hpet.write(offset, size, value >> value % 32);
        }
        return t.irqs.level(0) | t.irqs.level(8) << 1 | uint64_t{t.pins.levels} << 2;
    };
    for (int round = 0; round < 100; ++round) {
        for (int i = 0; i < 200; ++i) {
            event(a, random(), random());
            a.step(static_cast<Nanoseconds>(random() % 1000) << random() % 30);
            const auto next = a.hpet.next_deadline();
            REQUIRE((!next || *next > a.clock.now()));
            REQUIRE((a.pins.levels & ~Hpet::kRoutes) == 0);
        }
        b.clock.set(a.clock.now());
        b.hpet.restore(a.hpet.state());
        b.irqs = a.irqs, b.pins = a.pins;
        for (int i = 0; i < 100; ++i) {
            const uint32_t r = random(), value = random();
            CAPTURE(round, i, r, value);
            REQUIRE(event(a, r, value) == event(b, r, value));
            const auto by = static_cast<Nanoseconds>(random() % 1000) << random() % 20;
            a.step(by), b.step(by);
            REQUIRE(a.hpet.next_deadline() == b.hpet.next_deadline());
        }
    }
}
