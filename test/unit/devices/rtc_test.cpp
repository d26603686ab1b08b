// The MC146818A at register level, against its data sheet.
#include "devices/rtc.h"

#include <vector>

#include <catch2/catch.hpp>

#include "test/unit/devices/support.h"

using namespace ringfold;

namespace {

constexpr int64_t kStart = 951782398;  // Monday, 2000-02-28 23:59:58 UTC; the day after is the 29th

struct Fixture {
    ManualClock clock{kStart * kSecond + 250 * kMillisecond};
    WatchedLines lines;
    Rtc rtc{clock, IrqLine(lines, 8)};

    unsigned cmos(unsigned index) {
        put(rtc, 0, index);
        return get(rtc, 1);
    }
    void cmos(unsigned index, unsigned value) {
        put(rtc, 0, index);
        put(rtc, 1, value);
    }
    // Seconds, minutes, hours, weekday, day, month, year, century.
    std::vector<unsigned> time() {
        std::vector<unsigned> t;
        for (unsigned i : {0, 2, 4, 6, 7, 8, 9, 0x32}) t.push_back(cmos(i));
        return t;
    }
    // Plays the machine's loop for so long; returns the number of interrupts, acknowledging each.
    unsigned run(Nanoseconds duration) {
        const Nanoseconds end = clock.now() + duration;
        lines.take_rises(8);
        unsigned interrupts = 0;
        while (const auto deadline = rtc.next_deadline()) {
            if (*deadline > end) break;
            REQUIRE(*deadline > clock.now());
            clock.set(*deadline);
            rtc.advance(*deadline);
            if (lines.take_rises(8)) {
                interrupts++;
                CHECK((cmos(12) & 0x80) != 0);
            }
        }
        clock.set(end);
        return interrupts;
    }
};

using Time = std::vector<unsigned>;

}  // namespace

TEST_CASE_METHOD(Fixture, "the clock starts at the wall's time, in BCD and 24 hours") {
    CHECK(time() == Time{0x58, 0x59, 0x23, 2, 0x28, 0x02, 0x00, 0x20});
    CHECK(cmos(13) == 0x80);
    CHECK(cmos(11) == 0x02);
}

TEST_CASE_METHOD(Fixture, "seconds pass where the wall's do, into a leap day") {
    clock.step(749 * kMillisecond);
    CHECK(cmos(0) == 0x58);
    clock.step(1 * kMillisecond);
    CHECK(cmos(0) == 0x59);
    clock.step(kSecond);
    CHECK(time() == Time{0x00, 0x00, 0x00, 3, 0x29, 0x02, 0x00, 0x20});
    clock.step(86400 * kSecond);
    CHECK(time() == Time{0x00, 0x00, 0x00, 4, 0x01, 0x03, 0x00, 0x20});
}

TEST_CASE_METHOD(Fixture, "binary and 12-hour formats") {
    cmos(11, 0x06);
    CHECK(time() == Time{58, 59, 23, 2, 28, 2, 0, 20});
    cmos(11, 0x04);
    CHECK(cmos(4) == (0x80 | 11));
    cmos(11, 0x00);
    CHECK(cmos(4) == 0x91);
    clock.step(2 * kSecond);
    CHECK(cmos(4) == 0x12);  // midnight is 12 am
    clock.step(12 * 3600 * kSecond);
    CHECK(cmos(4) == 0x92);  // noon is 12 pm
}

TEST_CASE_METHOD(Fixture, "UIP rises 244 microseconds before each update") {
    CHECK(cmos(10) == 0x26);
    clock.step(750 * kMillisecond - 245 * kMicrosecond);
    CHECK(cmos(10) == 0x26);
    clock.step(kMicrosecond);
    CHECK(cmos(10) == 0xa6);
    clock.step(243 * kMicrosecond);
    CHECK(cmos(10) == 0xa6);
    clock.step(kMicrosecond);
    CHECK(cmos(10) == 0x26);
    CHECK(cmos(0) == 0x59);
}

TEST_CASE_METHOD(Fixture, "SET freezes the time and lets it be written") {
    cmos(11, 0x82);
    cmos(12);
    clock.step(10 * kSecond);
    CHECK(cmos(0) == 0x58);
    CHECK((cmos(12) & 0x10) == 0);
    CHECK((cmos(10) & 0x80) == 0);
    const unsigned when[][2] = {{0, 0x30}, {2, 0x15}, {4, 0x07}, {7, 0x31}, {8, 0x12}, {9, 0x99}, {0x32, 0x19}};
    for (auto [index, value] : when) cmos(index, value);
    cmos(11, 0x02);
    CHECK(time() == Time{0x30, 0x15, 0x07, 6, 0x31, 0x12, 0x99, 0x19});
    clock.step(24 * 3600 * kSecond);
    CHECK(time() == Time{0x30, 0x15, 0x07, 7, 0x01, 0x01, 0x00, 0x20});
}

TEST_CASE_METHOD(Fixture, "the divider's reset holds the time; the first update follows half a second after it") {
    // The way Linux sets the clock.
    cmos(11, 0x82);
    cmos(10, 0x76);
    cmos(0, 0x10);
    clock.step(3 * kSecond);
    cmos(11, 0x02);
    clock.step(3 * kSecond);
    CHECK(cmos(0) == 0x10);
    cmos(10, 0x26);
    clock.step(499 * kMillisecond);
    CHECK(cmos(0) == 0x10);
    clock.step(2 * kMillisecond);
    CHECK(cmos(0) == 0x11);
    clock.step(998 * kMillisecond);
    CHECK(cmos(0) == 0x11);
    clock.step(2 * kMillisecond);
    CHECK(cmos(0) == 0x12);
}

TEST_CASE_METHOD(Fixture, "a time register written while the clock runs changes that part only") {
    cmos(2, 0x30);
    CHECK(time() == Time{0x58, 0x30, 0x23, 2, 0x28, 0x02, 0x00, 0x20});
    clock.step(750 * kMillisecond);
    CHECK(cmos(0) == 0x59);
}

TEST_CASE_METHOD(Fixture, "hours written in 12-hour format") {
    cmos(11, 0x80);
    const auto [written, hour] = GENERATE(table<unsigned, unsigned>(
        {{0x12, 0x00}, {0x01, 0x01}, {0x11, 0x11}, {0x92, 0x12}, {0x81, 0x13}, {0x91, 0x23}}));
    cmos(4, written);
    cmos(11, 0x00);
    cmos(11, 0x02);
    CHECK(cmos(4) == hour);
}

TEST_CASE_METHOD(Fixture, "no time that a guest writes is too strange") {
    for (unsigned value : {0x00u, 0xffu, 0x7fu, 0xaau}) {
        for (unsigned b : {0x00u, 0x02u, 0x04u, 0x06u}) {
            cmos(11, 0x80 | b);
            for (unsigned i : {0, 2, 4, 6, 7, 8, 9, 0x32}) cmos(i, value);
            cmos(11, b);
            clock.step(kSecond);
            time();
        }
    }
    cmos(11, 0x82);
    for (auto [index, value] : {std::pair{0u, 0u}, {2u, 0u}, {4u, 0u}, {7u, 1u}, {8u, 1u}, {9u, 0u}, {0x32u, 0x20u}})
        cmos(index, value);
    cmos(11, 0x02);
    CHECK(time() == Time{0, 0, 0, 7, 1, 1, 0, 0x20});
}

TEST_CASE_METHOD(Fixture, "update-ended flags come without the interrupt, and reading C clears them") {
    cmos(10, 0x20);  // no periodic flag
    CHECK(cmos(12) == 0x00);
    clock.step(kSecond);
    CHECK(cmos(12) == 0x10);
    CHECK(cmos(12) == 0x00);
    CHECK_FALSE(lines.level(8));
    CHECK_FALSE(rtc.next_deadline());
}

TEST_CASE_METHOD(Fixture, "the update-ended interrupt comes at the turn of each second") {
    unsigned moved = 0;
    rtc.on_deadline_moved([&] { moved++; });
    cmos(11, 0x12);
    CHECK(moved > 0);
    CHECK(rtc.next_deadline() == 750 * kMillisecond);
    CHECK(run(749 * kMillisecond) == 0);
    CHECK(run(1 * kMillisecond) == 1);
    CHECK(run(10 * kSecond) == 10);
    SECTION("not while SET is on, which also switches it off") {
        cmos(11, 0x92);
        CHECK(cmos(11) == 0x82);
        CHECK(run(10 * kSecond) == 0);
    }
}

TEST_CASE_METHOD(Fixture, "the line stays up until C is read") {
    cmos(10, 0x20);
    cmos(11, 0x12);
    clock.step(kSecond);
    rtc.advance(clock.now());
    CHECK(lines.level(8));
    CHECK_FALSE(rtc.next_deadline());
    clock.step(5 * kSecond);
    rtc.advance(clock.now());
    CHECK(lines.level(8));
    CHECK(cmos(12) == 0xb0);  // midnight has passed: the alarm, at 00:00:00, too
    CHECK_FALSE(lines.level(8));
    CHECK(rtc.next_deadline());
}

TEST_CASE_METHOD(Fixture, "the periodic interrupt has the rates of register A") {
    const auto [rate, hertz] = GENERATE(table<unsigned, unsigned>(
        {{0, 0}, {1, 256}, {2, 128}, {3, 8192}, {6, 1024}, {8, 256}, {9, 128}, {10, 64}, {13, 8}, {15, 2}}));
    cmos(10, 0x20 | rate);
    cmos(12);
    cmos(11, 0x42);
    CHECK(run(kSecond) == hertz);
    CHECK(run(kSecond) == hertz);
}

TEST_CASE_METHOD(Fixture, "the periodic interrupt goes on while SET holds the time, not while the divider is reset") {
    cmos(10, 0x2a);
    cmos(11, 0xc2);
    CHECK(run(kSecond) == 64);
    cmos(10, 0x7a);
    CHECK(run(kSecond) == 0);
}

TEST_CASE_METHOD(Fixture, "the alarm") {
    cmos(1, 0x00);
    cmos(3, 0x00);
    cmos(5, 0x00);
    cmos(12);
    SECTION("comes at its time and once a day") {
        cmos(11, 0x22);
        CHECK(run(1749 * kMillisecond) == 0);
        CHECK(run(1 * kMillisecond) == 1);
        CHECK(run(86399 * kSecond) == 0);
        CHECK(run(kSecond) == 1);
    }
    SECTION("don't care in the hour: once an hour") {
        cmos(5, 0xff);
        cmos(11, 0x22);
        CHECK(run(2 * kSecond) == 1);
        CHECK(run(7200 * kSecond) == 2);
    }
    SECTION("don't care everywhere: once a second") {
        for (unsigned i : {1, 3, 5}) cmos(i, 0xc0);
        cmos(11, 0x22);
        CHECK(run(10 * kSecond) == 10);
    }
    SECTION("in 12-hour binary") {
        cmos(11, 0x04);
        cmos(5, 0x80 | 1);  // 1 pm
        cmos(11, 0x24);
        CHECK(run((1 + 13 * 3600) * kSecond) == 0);
        CHECK(run(kSecond) == 1);
    }
    SECTION("raises its flag without the interrupt, also when nobody looked meanwhile") {
        clock.step(3600 * kSecond);
        CHECK(cmos(12) == 0x70);  // periodic too: rate 6
        clock.step(kSecond);
        CHECK((cmos(12) & 0x20) == 0);
    }
}

TEST_CASE_METHOD(Fixture, "an interrupt enabled after its flag rose comes at once") {
    clock.step(kSecond);
    rtc.advance(clock.now());
    CHECK_FALSE(lines.level(8));
    cmos(11, 0x12);
    CHECK(lines.level(8));
    cmos(11, 0x02);
    CHECK_FALSE(lines.level(8));
}

TEST_CASE_METHOD(Fixture, "CMOS memory holds, and C and D cannot be written") {
    cmos(0x50, 0xa5);
    cmos(0x7f, 0x5a);
    CHECK(cmos(0x50) == 0xa5);
    CHECK(cmos(0xff) == 0x5a);  // bit 7 of the index masks NMI
    cmos(12, 0xff);
    CHECK(cmos(12) == 0x00);
    cmos(13, 0x00);
    CHECK(cmos(13) == 0x80);
    CHECK(get(rtc, 0) == 0xff);
}

TEST_CASE_METHOD(Fixture, "memory sizes in the three encodings") {
    const auto word = [&](unsigned low) { return cmos(low) | cmos(low + 1) << 8; };
    rtc.set_memory_size(256ull << 20);
    CHECK(word(0x15) == 640);
    CHECK(word(0x17) == 0xffff);
    CHECK(word(0x30) == 0xffff);
    CHECK(word(0x34) == (240 << 20) >> 16);
    rtc.set_memory_size(8ull << 20);
    CHECK(word(0x17) == 7 * 1024);
    CHECK(word(0x34) == 0);
    rtc.set_memory_size(512ull << 10);
    CHECK(word(0x15) == 512);
    CHECK(word(0x17) == 0);
}

TEST_CASE_METHOD(Fixture, "reset ends interrupts and keeps time and memory") {
    cmos(0x40, 0x77);
    cmos(11, 0x12);
    clock.step(kSecond);
    rtc.advance(clock.now());
    CHECK(lines.level(8));
    rtc.reset();
    CHECK_FALSE(lines.level(8));
    CHECK(cmos(11) == 0x02);
    CHECK(cmos(0x40) == 0x77);
    CHECK(cmos(0) == 0x59);
}

TEST_CASE_METHOD(Fixture, "a restored clock shows the saved machine's time, not the wall's") {
    cmos(4, 0x05);
    cmos(11, 0x12);
    WatchedLines other_lines;
    ManualClock other_clock{0};
    other_clock.set(clock.now());
    Rtc other{other_clock, IrqLine(other_lines, 8)};
    other.restore(rtc.state());
    put(other, 0, 4);
    CHECK(get(other, 1) == 0x05);
    CHECK(other.next_deadline() == rtc.next_deadline());
}

TEST_CASE("the clock follows the host's when the host slept, and keeps what the guest set") {
    Fixture f;
    f.clock.step_wall(3 * 3600 * kSecond + 400 * kMillisecond);
    CHECK(f.cmos(0) == 0x58);
    CHECK(f.cmos(4) == 0x02);  // the next day
    CHECK(f.cmos(7) == 0x29);
    f.cmos(4, 0x10);
    f.clock.step_wall(-3600 * kSecond);
    CHECK(f.cmos(4) == 0x09);
    f.clock.step_wall(900 * kMillisecond);  // small steps add up: 0.4 and 0.9 are one second
    CHECK(f.cmos(0) == 0x59);
}

TEST_CASE("an alarm that the host slept over comes when it wakes") {
    Fixture f;
    f.cmos(1, 0x00);
    f.cmos(3, 0x30);
    f.cmos(5, 0x01);
    f.cmos(11, 0x22);  // 24 hours, alarm interrupt
    f.lines.take_rises(8);
    f.clock.step_wall(2 * 3600 * kSecond);
    f.clock.step(kMillisecond);
    f.rtc.advance(f.clock.now());
    CHECK(f.lines.take_rises(8) == 1);
}
