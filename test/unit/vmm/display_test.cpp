// -vnc's options, and keys by their symbols.
#include <set>

#include <catch2/catch.hpp>

#include "vmm/base/result.h"
#include "vmm/display/keymap.h"
#include "vmm/display/sdl_window.h"
#include "vmm/display/vnc_options.h"

using namespace ringfold;
using Catch::Matchers::Contains;

TEST_CASE("a VNC server is for this host unless said otherwise") {
    CHECK_FALSE(parse_vnc("none"));
    const auto here = parse_vnc(":1");
    CHECK(here->address == 0x7f000001);
    CHECK(here->port == 5901);
    CHECK(here->password_file.empty());
    CHECK(parse_vnc("localhost:0")->address == 0x7f000001);
    CHECK(parse_vnc("0.0.0.0:99")->address == 0);
    CHECK(parse_vnc("0.0.0.0:99")->port == 5999);
    CHECK(parse_vnc(":2,password-file=a")->password_file == "a");
    CHECK(parse_vnc(":2,password=on")->password);
    CHECK_FALSE(parse_vnc(":2,password=off")->password);
}

TEST_CASE("what -vnc does not understand is said") {
    for (const char* wrong :
         {"", "1", ":", ":x", ":-1", ":100", ":1x", "host.name:1", "[::1]:1", ":1,password-file=", ":1,tls-creds=a"})
        CHECK_THROWS_AS(parse_vnc(wrong), HostError);
    CHECK_THROWS_WITH(parse_vnc(":1,password=on,password-file=a"), Contains("write one"));
    CHECK_THROWS_WITH(check_vnc_password("nine chars", "set_password"), Contains("eight"));
    CHECK_THROWS_WITH(read_vnc_password("/nonexistent"), Contains("cannot read"));
}

TEST_CASE("a key of the host's keyboard is the guest's at the same place") {
    constexpr unsigned kA = 4, kEnter = 40, kPause = 72, kRight = 79, kKeypadEnter = 88, kLeftCtrl = 224, kRightAlt = 230;
    CHECK(SdlWindow::key_at(kA) == 0x1e);
    CHECK(SdlWindow::key_at(kA + 25) == 0x2c);
    CHECK(SdlWindow::key_at(kEnter) == 0x1c);
    CHECK(SdlWindow::key_at(69) == 0x58);  // F12
    CHECK(SdlWindow::key_at(kRight) == 0xcd);
    CHECK(SdlWindow::key_at(kKeypadEnter) == 0x9c);
    CHECK(SdlWindow::key_at(100) == 0x56);
    CHECK(SdlWindow::key_at(101) == 0xdd);
    CHECK(SdlWindow::key_at(kLeftCtrl) == 0x1d);
    CHECK(SdlWindow::key_at(kRightAlt) == 0xb8);
    for (const unsigned none : {0u, 3u, 102u, 223u, 232u, 511u}) CHECK_FALSE(SdlWindow::key_at(none));
    std::set<uint8_t> keys;
    for (unsigned place = 0; place < 256; ++place)
        if (const auto key = SdlWindow::key_at(place)) keys.insert(*key);
    CHECK(SdlWindow::key_at(kPause) == 0xc5);
    CHECK(keys.size() == 105);  // of a keyboard with 105; \\ and the key for # are one
}

TEST_CASE("a layout says where a symbol's key is") {
    const Keymap us("en-us"), de("de");
    CHECK(us.key('y') == 0x15);
    CHECK(de.key('y') == 0x2c);
    CHECK(de.key('z') == 0x15);
    CHECK(us.key('A') == us.key('a'));
    CHECK(de.key('@') == 0x10);     // AltGr q
    CHECK(us.key(0xff0d) == 0x1c);  // Return
    CHECK(us.key(0xffc9) == 0x58);  // F12
    CHECK(us.key(0xff51) == 0xcb);  // Left
    CHECK(us.key(0xffff) == 0xd3);  // Delete
    CHECK(us.key(0xffe4) == 0x9d);  // right Ctrl
    CHECK_FALSE(us.key(0xe4));      // a umlaut
    CHECK(Keymap("ch(fr)").key(0xe9));
}

TEST_CASE("a layout that is not there is said") {
    CHECK_THROWS_WITH(Keymap("klingon"), Contains("klingon"));
    CHECK_THROWS_AS(Keymap(""), HostError);
}
