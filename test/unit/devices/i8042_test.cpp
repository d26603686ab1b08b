// The 8042, its keyboard and its mouse, spoken to as firmware and Linux do.
#include "devices/i8042.h"

#include <vector>

#include <catch2/catch.hpp>

#include "devices/scancodes.h"
#include "test/unit/devices/support.h"

using namespace ringfold;

namespace {

constexpr uint32_t kData = 0, kStatus = 1, kCommand = 1;
using Bytes = std::vector<unsigned>;

struct Fixture {
    WatchedLines lines;
    A20Gate a20;
    unsigned resets = 0;
    I8042 i8042{IrqLine(lines, 1), IrqLine(lines, 12), a20, [this] { resets++; }};

    bool full() { return get(i8042, kStatus) & 1; }
    bool from_mouse() { return (get(i8042, kStatus) & 0x21) == 0x21; }
    Bytes drain() {
        Bytes bytes;
        while (full()) bytes.push_back(get(i8042, kData));
        return bytes;
    }
    Bytes command(unsigned c) {
        put(i8042, kCommand, c);
        return drain();
    }
    Bytes command(unsigned c, unsigned parameter) {
        put(i8042, kCommand, c);
        put(i8042, kData, parameter);
        return drain();
    }
    Bytes keyboard(unsigned byte) {
        put(i8042, kData, byte);
        return drain();
    }
    Bytes mouse(unsigned byte) {
        put(i8042, kCommand, 0xd4);
        put(i8042, kData, byte);
        return drain();
    }
    void translation(bool on) { command(0x60, on ? 0x47 : 0x07); }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "the controller tests itself and its wires") {
    CHECK(command(0xaa) == Bytes{0x55});
    CHECK(command(0xab) == Bytes{0x00});
    CHECK(command(0xa9) == Bytes{0x00});
    CHECK(command(0xc0) == Bytes{0x80});
}

TEST_CASE_METHOD(Fixture, "status tells command from data and shows an unlocked keyboard") {
    CHECK((get(i8042, kStatus) & 0x35) == 0x14);
    put(i8042, kCommand, 0xae);
    CHECK((get(i8042, kStatus) & 0x08) == 0x08);
    put(i8042, kData, 0xee);
    CHECK((get(i8042, kStatus) & 0x08) == 0x00);
}

TEST_CASE_METHOD(Fixture, "the command byte and the RAM behind it are read and written") {
    CHECK(command(0x20) == Bytes{0x47});
    CHECK(command(0x60, 0x74).empty());
    CHECK(command(0x20) == Bytes{0x74});
    CHECK(command(0x7f, 0xa5).empty());
    CHECK(command(0x3f) == Bytes{0xa5});
    CHECK(command(0x20) == Bytes{0x74});
}

TEST_CASE_METHOD(Fixture, "ports are switched off and on in the command byte") {
    command(0xa7);
    CHECK(command(0x20) == Bytes{0x67});
    command(0xad);
    CHECK(command(0x20) == Bytes{0x77});
    command(0xa8);
    CHECK(command(0x20) == Bytes{0x57});
    command(0xae);
    CHECK(command(0x20) == Bytes{0x47});
}

TEST_CASE_METHOD(Fixture, "a keyboard that is switched off keeps its keys") {
    command(0xad);
    CHECK(i8042.key(0x1e, true));
    CHECK_FALSE(full());
    CHECK(command(0xae) == Bytes{0x1e});
}

TEST_CASE_METHOD(Fixture, "a byte sent to a port that is switched off switches it on") {
    command(0xa7);
    command(0xad);
    CHECK(mouse(0xf2) == Bytes{0xfa, 0x00});
    CHECK(command(0x20) == Bytes{0x57});
    CHECK(keyboard(0xee) == Bytes{0xee});
    CHECK(command(0x20) == Bytes{0x47});
}

TEST_CASE_METHOD(Fixture, "each byte from the keyboard raises IRQ1 anew; reading lowers it") {
    i8042.key(0x1e, true);
    i8042.key(0x1e, false);
    CHECK(lines.level(1));
    CHECK(lines.take_rises(1) == 1);
    CHECK(get(i8042, kData) == 0x1e);
    CHECK(lines.level(1));
    CHECK(lines.take_rises(1) == 1);
    CHECK(get(i8042, kData) == 0x9e);
    CHECK_FALSE(lines.level(1));
    CHECK(get(i8042, kData) == 0x9e);  // an empty buffer shows the last byte
    CHECK(lines.rises(12) == 0);
}

TEST_CASE_METHOD(Fixture, "without its interrupt enabled a byte only fills the buffer") {
    command(0x60, 0x44);
    i8042.key(0x1e, true);
    CHECK(full());
    CHECK_FALSE(lines.level(1));
    put(i8042, kCommand, 0x60);
    put(i8042, kData, 0x45);
    CHECK(lines.level(1));
}

TEST_CASE_METHOD(Fixture, "keys in the two scan code sets") {
    const auto press_and_release = [&](uint8_t key) {
        i8042.key(key, true);
        i8042.key(key, false);
        return drain();
    };
    SECTION("translated to set 1") {
        CHECK(press_and_release(0x01) == Bytes{0x01, 0x81});
        CHECK(press_and_release(0x41) == Bytes{0x41, 0xc1});              // F7, 0x83 on the wire
        CHECK(press_and_release(0xc8) == Bytes{0xe0, 0x48, 0xe0, 0xc8});  // cursor up
        CHECK(press_and_release(0xc5) == Bytes{0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5});
    }
    SECTION("as they come, set 2") {
        translation(false);
        CHECK(press_and_release(0x01) == Bytes{0x76, 0xf0, 0x76});
        CHECK(press_and_release(0x41) == Bytes{0x83, 0xf0, 0x83});
        CHECK(press_and_release(0xc8) == Bytes{0xe0, 0x75, 0xe0, 0xf0, 0x75});
        CHECK(press_and_release(0xc5) == Bytes{0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77});
    }
    SECTION("the keyboard's own set 1") {
        translation(false);
        CHECK(keyboard(0xf0) == Bytes{0xfa});
        CHECK(keyboard(0x01) == Bytes{0xfa});
        CHECK(press_and_release(0x1e) == Bytes{0x1e, 0x9e});
        CHECK(press_and_release(0xc8) == Bytes{0xe0, 0x48, 0xe0, 0xc8});
        CHECK(keyboard(0xf0) == Bytes{0xfa});
        CHECK(keyboard(0x00) == Bytes{0xfa, 0x01});
    }
}

TEST_CASE("every key of set 1 has one code in set 2 that translates back to it") {
    for (unsigned set1 = 1; set1 <= 0x58; set1++) {
        CAPTURE(set1);
        const uint8_t set2 = set2_from_set1(static_cast<uint8_t>(set1));
        REQUIRE(set2 != 0);
        CHECK(translate_set2_to_set1(set2) == set1);
    }
    // A few from the IBM tables: A, Enter, F1, F12, right Shift, Space.
    for (auto [set1, set2] :
         {std::pair{0x1e, 0x1c}, {0x1c, 0x5a}, {0x3b, 0x05}, {0x58, 0x07}, {0x36, 0x59}, {0x39, 0x29}})
        CHECK(set2_from_set1(static_cast<uint8_t>(set1)) == set2);
}

TEST_CASE_METHOD(Fixture, "keyboard commands") {
    translation(false);
    CHECK(keyboard(0xff) == Bytes{0xfa, 0xaa});
    CHECK(keyboard(0xf2) == Bytes{0xfa, 0xab, 0x83});
    CHECK(keyboard(0xee) == Bytes{0xee});
    CHECK(keyboard(0xed) == Bytes{0xfa});
    CHECK(keyboard(0x05) == Bytes{0xfa});
    CHECK(i8042.leds() == 0x05);
    CHECK(keyboard(0xf3) == Bytes{0xfa});
    CHECK(keyboard(0x20) == Bytes{0xfa});
    CHECK(keyboard(0xfe) == Bytes{0xfa});  // the last byte again
    CHECK(keyboard(0xf0) == Bytes{0xfa});
    CHECK(keyboard(0x03) == Bytes{0xfe});  // set 3 is not offered
    CHECK(keyboard(0xf0) == Bytes{0xfa});
    CHECK(keyboard(0x00) == Bytes{0xfa, 0x02});
    CHECK(keyboard(0x12) == Bytes{0xfe});
}

TEST_CASE_METHOD(Fixture, "the identity is translated as key codes are") {
    CHECK(keyboard(0xf2) == Bytes{0xfa, 0xab, 0x41});
}

TEST_CASE_METHOD(Fixture, "a disabled keyboard takes no keys") {
    CHECK(keyboard(0xf5) == Bytes{0xfa});
    CHECK_FALSE(i8042.key(0x1e, true));
    CHECK_FALSE(full());
    CHECK(keyboard(0xf4) == Bytes{0xfa});
    CHECK(i8042.key(0x1e, true));
    CHECK(drain() == Bytes{0x1e});
}

TEST_CASE_METHOD(Fixture, "a command's answer overtakes keys that wait, and loses none") {
    command(0xad);
    i8042.key(0x1e, true);
    i8042.key(0x1e, false);
    put(i8042, kData, 0xed);  // switches the port on again
    CHECK(drain() == Bytes{0xfa, 0x1e, 0x9e});
}

TEST_CASE_METHOD(Fixture, "a flood of keys is refused when the buffer is full, and whole keys stay") {
    unsigned typed = 0;
    for (int i = 0; i < 1000; i++)
        if (i8042.key(0xc8, i % 2 == 0)) typed++;
    CHECK(typed > 16);
    CHECK(typed < 1000);
    const Bytes bytes = drain();
    CHECK(bytes.size() == 2 * typed);
    CHECK(keyboard(0xee) == Bytes{0xee});
}

TEST_CASE_METHOD(Fixture, "reset: by pulse, by output port, and by nothing else") {
    command(0xff);
    command(0xf1);
    CHECK(resets == 0);
    command(0xfe);
    CHECK(resets == 1);
    command(0xf0);
    CHECK(resets == 2);
    command(0xd1, 0x03);
    CHECK(resets == 2);
    command(0xd1, 0x02);
    CHECK(resets == 3);
}

TEST_CASE_METHOD(Fixture, "A20 follows the output port, which shows it") {
    CHECK(command(0xd0) == Bytes{0xcf});
    command(0xd1, 0x01);
    CHECK_FALSE(a20.enabled());
    CHECK(command(0xd0) == Bytes{0xcd});
    command(0xdf);
    CHECK(a20.enabled());
    command(0xdd);
    CHECK_FALSE(a20.enabled());
    a20.set(true);  // by port 0x92
    CHECK(command(0xd0) == Bytes{0xcf});
}

TEST_CASE_METHOD(Fixture, "what is written to the output buffers comes back with its interrupt") {
    put(i8042, kCommand, 0xd3);
    put(i8042, kData, 0xa5);
    CHECK(from_mouse());
    CHECK(lines.level(12));
    CHECK_FALSE(lines.level(1));
    CHECK(get(i8042, kData) == 0xa5);
    CHECK_FALSE(lines.level(12));
    put(i8042, kCommand, 0xd2);
    put(i8042, kData, 0x5a);
    CHECK(full());
    CHECK_FALSE(from_mouse());
    CHECK(lines.level(1));
    CHECK(get(i8042, kData) == 0x5a);
    // Linux asks so whether a multiplexer is there: one would answer with its version.
    for (unsigned byte : {0xf0u, 0x56u, 0xa4u}) CHECK(command(0xd3, byte) == Bytes{byte});
}

TEST_CASE_METHOD(Fixture, "mouse commands") {
    put(i8042, kCommand, 0xd4);
    put(i8042, kData, 0xff);
    CHECK(from_mouse());
    CHECK(drain() == Bytes{0xfa, 0xaa, 0x00});
    CHECK(mouse(0xf2) == Bytes{0xfa, 0x00});
    CHECK(mouse(0xe8) == Bytes{0xfa});
    CHECK(mouse(0x03) == Bytes{0xfa});
    CHECK(mouse(0xf3) == Bytes{0xfa});
    CHECK(mouse(0x28) == Bytes{0xfa});
    CHECK(mouse(0xe7) == Bytes{0xfa});
    CHECK(mouse(0xf4) == Bytes{0xfa});
    CHECK(mouse(0xe9) == Bytes{0xfa, 0x30, 0x03, 0x28});
    CHECK(mouse(0xf6) == Bytes{0xfa});
    CHECK(mouse(0xe9) == Bytes{0xfa, 0x00, 0x02, 100});
    CHECK(mouse(0xe8) == Bytes{0xfa});
    CHECK(mouse(0x04) == Bytes{0xfe});
    CHECK(mouse(0x77) == Bytes{0xfe});
    CHECK(mouse(0xee) == Bytes{0xfa});
    CHECK(mouse(0xf2) == Bytes{0xf2});  // wrap mode echoes
    CHECK(mouse(0xec) == Bytes{0xfa});
    CHECK(mouse(0xf2) == Bytes{0xfa, 0x00});
}

TEST_CASE_METHOD(Fixture, "the mouse reports movement and buttons in packets, when asked to") {
    i8042.move_mouse(5, 5, 0, 1);
    CHECK_FALSE(full());
    mouse(0xf4);
    i8042.move_mouse(10, 3, 0, 0);
    CHECK(lines.level(12));
    CHECK(drain() == Bytes{0x28, 10, 0xfd});  // up is positive
    i8042.move_mouse(-1, -2, 0, 5);
    CHECK(drain() == Bytes{0x1d, 0xff, 2});
    i8042.move_mouse(0, 0, 0, 0);
    CHECK(drain() == Bytes{0x08, 0, 0});
    i8042.move_mouse(0, 0, 0, 0);
    CHECK_FALSE(full());
    i8042.move_mouse(300, 0, 0, 0);
    CHECK(drain() == Bytes{0x08, 255, 0, 0x08, 45, 0});
}

TEST_CASE_METHOD(Fixture, "movement gathers while the guest does not read") {
    mouse(0xf4);
    for (int i = 0; i < 100; i++) i8042.move_mouse(1, 0, 0, 0);
    CHECK(drain() == Bytes{0x08, 1, 0, 0x08, 99, 0});
    i8042.move_mouse(0, 0, 0, 0xe0);  // there are five buttons
    CHECK_FALSE(full());
    i8042.move_mouse(INT32_MIN, INT32_MIN, INT32_MAX, 0);
    drain();
}

TEST_CASE_METHOD(Fixture, "the knock for the wheel and for five buttons") {
    const auto rates = [&](unsigned a, unsigned b, unsigned c) {
        for (unsigned rate : {a, b, c}) {
            mouse(0xf3);
            mouse(rate);
        }
    };
    rates(200, 100, 80);
    CHECK(mouse(0xf2) == Bytes{0xfa, 0x03});
    mouse(0xf4);
    i8042.move_mouse(1, 0, -1, 0);
    CHECK(drain() == Bytes{0x08, 1, 0, 0xff});
    rates(200, 200, 80);
    CHECK(mouse(0xf2) == Bytes{0xfa, 0x04});
    i8042.move_mouse(0, 0, 1, 0x18);
    CHECK(drain() == Bytes{0x08, 0, 0, 0x31});
    mouse(0xff);
    CHECK(mouse(0xf2) == Bytes{0xfa, 0x00});
}

TEST_CASE_METHOD(Fixture, "remote mode reports on request only") {
    mouse(0xf0);
    mouse(0xf4);
    i8042.move_mouse(7, 0, 0, 0);
    CHECK_FALSE(full());
    CHECK(mouse(0xeb) == Bytes{0xfa, 0x08, 7, 0});
    CHECK(mouse(0xeb) == Bytes{0xfa, 0x08, 0, 0});
}

TEST_CASE_METHOD(Fixture, "a restored controller has its bytes") {
    i8042.key(0x1e, true);
    i8042.key(0x30, true);
    WatchedLines other_lines;
    I8042 other{IrqLine(other_lines, 1), IrqLine(other_lines, 12), a20, {}};
    other.restore(i8042.state());
    CHECK(other_lines.level(1));
    CHECK(get(other, kData) == 0x1e);
    CHECK(get(other, kData) == 0x30);
    put(other, kCommand, 0xfe);  // without anyone to reset: nothing happens
}
