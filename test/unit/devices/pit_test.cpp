// The 8254 at register level, against the 82C54 data sheet's mode definitions.
#include "devices/pit.h"

#include <catch2/catch.hpp>

#include "devices/system_control.h"
#include "test/unit/devices/support.h"

using namespace ringfold;

namespace {

constexpr uint32_t kControl = 3;

struct Fixture {
    ManualClock clock;
    WatchedLines lines;
    Pit pit{clock, IrqLine(lines, 0)};
    A20Gate a20;
    SystemControl ports{clock, pit, a20, {}};
    PitCounter::Tick tick = 0;

    Fixture() { go(100); }
    // Forward by so many ticks of the 8254's input clock; the middle of a tick, so that rounding never matters.
    void go(PitCounter::Tick ticks) {
        tick += ticks;
        clock.set(static_cast<Nanoseconds>((static_cast<__int128>(2 * tick + 1) * kSecond) / (2 * Pit::kFrequency)));
    }
    void load(unsigned counter, unsigned mode, unsigned count, unsigned bcd = 0) {
        put(pit, kControl, counter << 6 | 0x30 | mode << 1 | bcd);
        put(pit, counter, count & 0xff);
        put(pit, counter, count >> 8);
        go(1);  // the CLK pulse that loads it
    }
    unsigned count(unsigned counter) {
        put(pit, kControl, counter << 6);
        const unsigned low = get(pit, counter);
        return low | get(pit, counter) << 8;
    }
    unsigned status(unsigned counter) {
        put(pit, kControl, 0xe0 | 2u << counter);
        return get(pit, counter);
    }
    bool out(unsigned counter) { return status(counter) & 0x80; }
    void gate2(bool level) { put(ports, 0, level ? 1 : 0); }
    // Plays the machine's loop: wakes at each deadline up to the time `ticks` from now.
    unsigned run(PitCounter::Tick ticks) {
        lines.take_rises(0);
        go(ticks);
        const Nanoseconds end = clock.now();
        while (const auto deadline = pit.next_deadline()) {
            if (*deadline > end) break;
            clock.set(*deadline);
            pit.advance(*deadline);
            REQUIRE((!pit.next_deadline() || *pit.next_deadline() > *deadline));
        }
        clock.set(end);
        return lines.take_rises(0);
    }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "mode 0: OUT rises when the count runs out, and stays") {
    load(0, 0, 1000);
    CHECK_FALSE(out(0));
    CHECK(count(0) == 1000);
    go(400);
    CHECK(count(0) == 600);
    go(599);
    CHECK_FALSE(out(0));
    CHECK(count(0) == 1);
    go(1);
    CHECK(out(0));
    CHECK(count(0) == 0);
    go(1);
    CHECK(out(0));
    CHECK(count(0) == 0xffff);
    go(70000);
    CHECK(out(0));
}

TEST_CASE_METHOD(Fixture, "mode 0: the first of two bytes stops the count and lowers OUT") {
    load(0, 0, 100);
    go(200);
    CHECK(out(0));
    put(pit, 0, 0x10);
    CHECK_FALSE(out(0));
    go(1000);
    CHECK_FALSE(out(0));
    put(pit, 0, 0x00);
    go(1 + 15);
    CHECK_FALSE(out(0));
    go(1);
    CHECK(out(0));
}

TEST_CASE_METHOD(Fixture, "mode 0: a low gate suspends the count") {
    load(2, 0, 1000);  // the speaker's gate is closed at power-on
    go(5000);
    CHECK(count(2) == 1000);
    gate2(true);
    go(300);
    CHECK(count(2) == 700);
    gate2(false);
    go(5000);
    CHECK(count(2) == 700);
    gate2(true);
    go(699);
    CHECK_FALSE(out(2));
    go(1);
    CHECK(out(2));
}

TEST_CASE_METHOD(Fixture, "mode 1: a rising gate makes one pulse of N ticks, and restarts it") {
    load(2, 1, 50);
    CHECK(out(2));
    gate2(true);
    CHECK(out(2));
    go(1);
    CHECK_FALSE(out(2));
    go(40);
    CHECK(count(2) == 10);
    gate2(false);
    gate2(true);  // again, before the end
    go(1 + 49);
    CHECK_FALSE(out(2));
    go(1);
    CHECK(out(2));
    SECTION("a new count waits for the next trigger") {
        gate2(false);
        put(pit, 2, 7);
        put(pit, 2, 0);
        CHECK((status(2) & 0x40) != 0);
        gate2(true);
        go(1);
        CHECK((status(2) & 0x40) == 0);
        go(6);
        CHECK_FALSE(out(2));
        go(1);
        CHECK(out(2));
    }
}

TEST_CASE_METHOD(Fixture, "mode 2: one low tick in N, counting from N to 1") {
    load(0, 2, 10);
    for (int period = 0; period < 3; period++) {
        for (unsigned left = 10; left >= 1; left--) {
            CAPTURE(period, left);
            CHECK(count(0) == left);
            CHECK(out(0) == (left != 1));
            go(1);
        }
    }
}

TEST_CASE_METHOD(Fixture, "mode 2: a new count begins with the next period") {
    load(0, 2, 100);
    go(30);
    put(pit, 0, 20);
    put(pit, 0, 0);
    CHECK(count(0) == 70);
    CHECK((status(0) & 0x40) != 0);
    go(69);
    CHECK(count(0) == 1);
    go(1);
    CHECK(count(0) == 20);
    CHECK((status(0) & 0x40) == 0);
    go(19);
    CHECK_FALSE(out(0));
}

TEST_CASE_METHOD(Fixture, "mode 2: a low gate raises OUT, a rising one starts the period again") {
    gate2(true);
    load(2, 2, 10);
    go(9);
    CHECK_FALSE(out(2));
    gate2(false);
    CHECK(out(2));
    go(7);
    gate2(true);
    go(1);
    CHECK(count(2) == 10);
}

TEST_CASE_METHOD(Fixture, "a count that waits goes with the trigger that loads it") {
    gate2(true);
    load(2, 2, 1000);
    go(300);
    put(pit, 2, 2000 & 0xff), put(pit, 2, 2000 >> 8);
    CHECK((status(2) & 0x40) != 0);
    gate2(false);
    go(5000);
    gate2(true);
    go(1);
    CHECK((status(2) & 0x40) == 0);
    CHECK(count(2) == 2000);
    go(500);
    CHECK(count(2) == 1500);
    // Modes 1 and 5 wait for the gate, and then for nothing.
    load(2, 1, 100);
    CHECK((status(2) & 0x40) != 0);
    gate2(false), gate2(true);
    go(1);
    CHECK((status(2) & 0x40) == 0);
}

TEST_CASE_METHOD(Fixture, "mode 3: half of the time high, counting by two") {
    gate2(true);
    load(2, 3, 8);
    for (unsigned t = 0; t < 16; t++) {
        CAPTURE(t);
        CHECK(out(2) == (t % 8 < 4));
        CHECK(count(2) == 8 - 2 * (t % 4));
        go(1);
    }
}

TEST_CASE_METHOD(Fixture, "mode 3: an odd count is high for one tick more") {
    gate2(true);
    load(2, 3, 5);
    for (unsigned t = 0; t < 10; t++) {
        CAPTURE(t);
        CHECK(out(2) == (t % 5 < 3));
        CHECK(count(2) == 4 - 2 * (t % 5 % 3));
        go(1);
    }
}

TEST_CASE_METHOD(Fixture, "mode 3: a new count begins with the next half") {
    gate2(true);
    load(2, 3, 20);
    go(4);
    put(pit, 2, 6);
    put(pit, 2, 0);
    go(5);
    CHECK(out(2));  // the tenth and last tick of the old high half
    go(1);
    for (unsigned t = 0; t < 12; t++) {
        CAPTURE(t);
        CHECK(out(2) == (t % 6 >= 3));
        go(1);
    }
}

TEST_CASE_METHOD(Fixture, "mode 4: one low tick when the count has run out, once") {
    load(0, 4, 10);
    go(9);
    CHECK(out(0));
    go(1);
    CHECK_FALSE(out(0));
    CHECK(count(0) == 0);
    go(1);
    CHECK(out(0));
    go(65536);
    CHECK(out(0));
}

TEST_CASE_METHOD(Fixture, "mode 5: the strobe waits for a rising gate") {
    load(2, 5, 10);
    go(100);
    CHECK(out(2));
    gate2(true);
    go(1 + 10);
    CHECK_FALSE(out(2));
    go(1);
    CHECK(out(2));
}

TEST_CASE_METHOD(Fixture, "a count of 0 is the largest: 65536, or 10000 in BCD") {
    load(0, 2, 0);
    CHECK(count(0) == 0);
    go(1);
    CHECK(count(0) == 0xffff);
    load(0, 2, 0, 1);
    go(1);
    CHECK(count(0) == 0x9999);
    go(9998);
    CHECK_FALSE(out(0));
}

TEST_CASE_METHOD(Fixture, "BCD counts go down in decimal") {
    load(0, 0, 0x1000, 1);
    go(1);
    CHECK(count(0) == 0x0999);
    go(998);
    CHECK_FALSE(out(0));
    go(1);
    CHECK(out(0));
    go(1);
    CHECK(count(0) == 0x9999);
}

TEST_CASE_METHOD(Fixture, "a latched count holds until both bytes are read, and a second latch is ignored") {
    load(0, 2, 0x1234);
    put(pit, kControl, 0x00);
    go(0x100);
    put(pit, kControl, 0x00);
    CHECK(get(pit, 0) == 0x34);
    go(5);
    CHECK(get(pit, 0) == 0x12);
    CHECK(get(pit, 0) == ((0x1234 - 0x105) & 0xff));  // live again
}

TEST_CASE_METHOD(Fixture, "a counter programmed for one byte reads and takes that byte only") {
    put(pit, kControl, 0x14);  // counter 0, low byte, mode 2
    put(pit, 0, 200);
    go(1 + 10);
    CHECK(get(pit, 0) == 190);
    CHECK(get(pit, 0) == 190);
    put(pit, kControl, 0x24);  // high byte
    put(pit, 0, 0x12);
    go(1);
    CHECK(get(pit, 0) == 0x12);
    go(1);
    CHECK(get(pit, 0) == 0x11);
    put(pit, kControl, 0x00);
    CHECK(get(pit, 0) == 0x11);
    go(0x100);
    CHECK(get(pit, 0) == 0x10);
}

TEST_CASE_METHOD(Fixture, "read-back latches status before count, for each counter that is named") {
    load(0, 2, 1000);
    put(pit, kControl, 0x90);    // counter 2, low byte, mode 0
    put(pit, kControl, 0xca);    // status and count of counters 0 and 2
    CHECK(get(pit, 0) == 0xb4);  // OUT high, loaded, two bytes, mode 2
    CHECK(get(pit, 0) == (1000 & 0xff));
    CHECK(get(pit, 0) == (1000 >> 8));
    CHECK(get(pit, 2) == 0x50);  // OUT low, no count yet, low byte, mode 0
    put(pit, kControl, 0xe2);
    go(999);  // the low tick
    put(pit, kControl, 0xe2);
    CHECK(get(pit, 0) == 0xb4);  // a second latch before the read is ignored
    CHECK(status(0) == 0x34);
    // Modes 6 and 7 are 2 and 3.
    put(pit, kControl, 0x3d);
    CHECK((status(0) & 0x3f) == 0x35);
}

TEST_CASE_METHOD(Fixture, "the control register cannot be read") {
    CHECK(get(pit, kControl) == 0xff);
}

TEST_CASE_METHOD(Fixture, "counter 0 in mode 2 interrupts once a period, on time") {
    load(0, 2, 11932);
    CHECK(run(11930) == 0);
    CHECK(run(2) == 1);
    CHECK(run(10 * 11932) == 10);
    CHECK(run(100 * 11932) == 100);
}

TEST_CASE_METHOD(Fixture, "counter 0 in mode 3 interrupts once a period") {
    load(0, 3, 0);
    CHECK(run(65536) == 1);
    CHECK(run(5 * 65536) == 5);
}

TEST_CASE_METHOD(Fixture, "one-shots interrupt once, when OUT rises") {
    load(0, 0, 500);
    CHECK_FALSE(lines.level(0));
    CHECK(run(499) == 0);
    CHECK(run(1) == 1);
    CHECK(run(200000) == 0);
    load(0, 4, 500);
    CHECK(run(500) == 0);
    CHECK(run(1) == 1);
    CHECK(run(200000) == 0);
}

TEST_CASE_METHOD(Fixture, "a host that was late delivers the missed ticks as one and keeps the phase") {
    load(0, 2, 1000);
    lines.take_rises(0);
    go(5500);
    pit.advance(clock.now());
    CHECK(lines.take_rises(0) == 1);
    CHECK(run(499) == 0);
    CHECK(run(1) == 1);
}

TEST_CASE_METHOD(Fixture, "reprogramming tells the loop, and a new mode forgets the old deadline") {
    unsigned moved = 0;
    pit.on_deadline_moved([&] { moved++; });
    load(0, 2, 1000);
    CHECK(moved > 0);
    REQUIRE(pit.next_deadline());
    put(pit, kControl, 0x30);
    CHECK_FALSE(pit.next_deadline());
    CHECK_FALSE(lines.level(0));
}

TEST_CASE_METHOD(Fixture, "a rewritten count keeps interrupting, at the old period's end and then at the new one") {
    load(0, 2, 1000);
    go(100);
    put(pit, 0, 0xd0);
    put(pit, 0, 0x07);  // 2000
    CHECK(run(899) == 0);
    CHECK(run(1) == 1);
    CHECK(run(1999) == 0);
    CHECK(run(1) == 1);
    CHECK(run(2000) == 1);
}

TEST_CASE_METHOD(Fixture, "a hostile count does not ask for more wake-ups than a host can give") {
    load(0, 2, 2);
    const unsigned rises = run(1193182 / 10);
    CHECK(rises > 1000);
    CHECK(rises <= 10000);
    lines.take_rises(0);
    for (int i = 0; i < 1200; i++) {
        go(1);
        get(pit, 0);
    }
    CHECK(lines.take_rises(0) <= 100);
    load(0, 2, 1);
    CHECK(run(1000) == 0);
}

TEST_CASE_METHOD(Fixture, "a restored timer goes on where it was") {
    load(0, 2, 1000);
    run(300);
    WatchedLines other_lines;
    Pit other{clock, IrqLine(other_lines, 0)};
    other.restore(pit.state());
    CHECK(other.next_deadline() == pit.next_deadline());
    put(other, kControl, 0x00);
    CHECK(get(other, 0) == (700 & 0xff));
    CHECK(get(other, 0) == 700 >> 8);
}

TEST_CASE_METHOD(Fixture, "port 0x61 shows the speaker's counter, holds its gate, and turns the refresh bit over") {
    gate2(false);
    load(2, 0, 1000);
    CHECK((get(ports, 0) & 0x2f) == 0x00);
    put(ports, 0, 0x03);
    CHECK((get(ports, 0) & 0x2f) == 0x03);
    go(1000);
    CHECK((get(ports, 0) & 0x2f) == 0x23);
    unsigned turns = 0;
    for (int i = 0, last = -1; i < 1000; i++, clock.step(kMicrosecond)) {
        const int bit = get(ports, 0) & 0x10;
        if (last >= 0 && bit != last) turns++;
        last = bit;
    }
    CHECK(turns >= 65);
    CHECK(turns <= 67);
}

TEST_CASE_METHOD(Fixture, "port 0x92 moves A20 and resets on a rising bit 0") {
    unsigned resets = 0;
    SystemControl control{clock, pit, a20, [&] { resets++; }};
    CHECK(get(control, 1) == 0x02);
    put(control, 1, 0x00);
    CHECK_FALSE(a20.enabled());
    CHECK(get(control, 1) == 0x00);
    a20.set(true);  // by the keyboard controller
    CHECK(get(control, 1) == 0x02);
    put(control, 1, 0x03);
    CHECK(resets == 1);
    put(control, 1, 0x03);
    CHECK(resets == 1);
}
