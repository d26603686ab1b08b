// Terminal bytes to keys.
#include "vmm/terminal_keys.h"

#include <catch2/catch.hpp>

using namespace ringfold;

namespace {
std::vector<KeyStroke> one(uint8_t key, bool shift = false, bool ctrl = false, bool alt = false) {
    return {{key, shift, ctrl, alt}};
}
}  // namespace

TEST_CASE("characters are keys of a US keyboard") {
    CHECK(decode_terminal_keys("a") == one(0x1e));
    CHECK(decode_terminal_keys("A") == one(0x1e, true));
    CHECK(decode_terminal_keys("|") == one(0x2b, true));
    CHECK(decode_terminal_keys("/") == one(0x35));
    CHECK(decode_terminal_keys("\r") == one(0x1c));
    CHECK(decode_terminal_keys("\x7f") == one(0x0e));
    CHECK(decode_terminal_keys("\x03") == one(0x2e, false, true));
    CHECK(decode_terminal_keys("ok").size() == 2);
    for (int c = 0x20; c < 0x7f; ++c) CHECK(us_key(static_cast<uint8_t>(c)));
    CHECK(decode_terminal_keys("\xc3\xa9").empty());
    CHECK(decode_terminal_keys(std::string_view("\0", 1)).empty());
}

TEST_CASE("an escape is a key, Alt, or the start of a sequence") {
    CHECK(decode_terminal_keys("\x1b") == one(0x01));
    CHECK(decode_terminal_keys("\x1bx") == one(0x2d, false, false, true));
    CHECK(decode_terminal_keys("\x1b[A") == one(0xc8));
    CHECK(decode_terminal_keys("\x1bOP") == one(0x3b));
    CHECK(decode_terminal_keys("\x1b[24~") == one(0x58));
    CHECK(decode_terminal_keys("\x1b[B\x1b[B").size() == 2);
    CHECK(decode_terminal_keys("\x1b\x1b") == one(0x01, false, false, true));
}
