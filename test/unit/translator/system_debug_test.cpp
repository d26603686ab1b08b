// TF, breakpoints, and what MOV SS and STI hold back.
#include <catch2/catch.hpp>

#include "test/unit/translator/system_fixture.h"

using namespace ringfold;
using namespace ringfold::test;

namespace {
constexpr uint32_t kBS = 1 << 14, kBD = 1 << 13;
}

TEST_CASE("TF traps after each instruction, with RF clear in the image and TF clear in the handler") {
    SystemGuest g;
    g.cpu.system_flags |= flag::TF;
    g.run({0x90});
    REQUIRE(g.in_handler(Vector::DB));
    CHECK((g.cpu.dr[6] & kBS) != 0);
    CHECK(g.stack(0) == kCode + 1);
    CHECK(g.stack(2) == (2 | flag::TF));
    CHECK((g.cpu.system_flags & flag::TF) == 0);
}

TEST_CASE("POPF that sets TF traps after the next instruction; one that clears it still traps") {
    SystemGuest g;
    g.cpu.gpr[ESP] -= 4;
    SECTION("sets") {
        g.poke<uint32_t>(g.cpu.gpr[ESP], flag::TF);
        g.run({0x9d, 0x90});
        CHECK(g.cpu.eip == kCode + 1);
        g.step();
        CHECK(g.in_handler(Vector::DB));
        CHECK(g.stack(0) == kCode + 2);
    }
    SECTION("clears") {
        g.poke<uint32_t>(g.cpu.gpr[ESP], 0);
        g.cpu.system_flags |= flag::TF;
        g.run({0x9d});
        CHECK(g.in_handler(Vector::DB));
    }
}

TEST_CASE("no single-step trap follows INT") {
    SystemGuest g;
    g.cpu.system_flags |= flag::TF;
    g.run({0xcd, 0x30});
    CHECK(g.cpu.eip == handler(0x30));
    CHECK((g.stack(2) & flag::TF) != 0);
}

TEST_CASE("REP traps after each iteration, with RF set so that it goes on") {
    SystemGuest g;
    g.cpu.system_flags |= flag::TF;
    g.cpu.gpr[ECX] = 3;
    g.cpu.gpr[EDI] = kData;
    g.run({0xf3, 0xaa});  // rep stosb
    REQUIRE(g.in_handler(Vector::DB));
    CHECK(g.cpu.gpr[ECX] == 2);
    CHECK(g.stack(0) == kCode);
    CHECK((g.stack(2) & flag::RF) != 0);
    g.place(handler(1), {0xcf});
    g.step(2);
    CHECK(g.cpu.gpr[ECX] == 1);
    g.step(2);
    CHECK(g.cpu.gpr[ECX] == 0);
    CHECK(g.stack(0) == kCode + 2);
}

TEST_CASE("MOV SS holds back the single-step trap until after the next instruction") {
    SystemGuest g;
    g.cpu.system_flags |= flag::TF;
    g.cpu.gpr[EAX] = kDs0;
    g.run({0x8e, 0xd0, 0x90});
    CHECK(g.cpu.eip == kCode + 2);
    CHECK(g.cpu.debug_shadow == 1);
    CHECK(g.cpu.interrupt_shadow == 1);
    g.step();
    REQUIRE(g.in_handler(Vector::DB));
    CHECK(g.stack(0) == kCode + 3);
}

TEST_CASE("a data breakpoint met by POP SS before an INT is reported in the INT's handler") {
    SystemGuest g;
    g.cpu.gpr[ESP] -= 4;
    g.poke<uint32_t>(g.cpu.gpr[ESP], kDs0);
    g.cpu.dr[0] = g.cpu.gpr[ESP];
    g.cpu.dr[7] = 0x400 | 1 | 0xf << 16;  // local, read or write, 4 bytes
    g.run({0x17, 0xcd, 0x30});
    CHECK(g.cpu.eip == kCode + 1);
    g.step();
    REQUIRE(g.in_handler(Vector::DB));
    CHECK((g.cpu.dr[6] & 1) != 0);
    CHECK(g.stack(0) == handler(0x30));
}

TEST_CASE("an instruction breakpoint is a fault; RF steps over it once") {
    SystemGuest g;
    g.cpu.dr[1] = kCode;
    g.cpu.dr[7] = 0x400 | 1 << 2;
    g.run({0x90, 0x90});
    REQUIRE(g.in_handler(Vector::DB));
    CHECK(g.stack(0) == kCode);
    CHECK((g.cpu.dr[6] & 0xf) == 2);
    CHECK((g.stack(2) & flag::RF) == 0);
    g.poke<uint32_t>(g.cpu.gpr[ESP] + 8, 2 | flag::RF);
    g.place(handler(1), {0xcf});
    g.step();
    CHECK(g.cpu.eip == kCode);
    g.step();
    CHECK(g.cpu.eip == kCode + 1);
    CHECK((g.cpu.system_flags & flag::RF) == 0);
}

TEST_CASE("a data breakpoint is a trap, by length and kind of access") {
    SystemGuest g;
    g.cpu.dr[2] = kData + 2;
    g.cpu.dr[7] = 0x400 | 1 << 4 | 1 << 24 | 1 << 26;  // write, 2 bytes
    SECTION("a read does not count") {
        g.run({0xa1, 0x00, 0x50, 0, 0});
        CHECK(g.cpu.eip == kCode + 5);
    }
    SECTION("a write beside it") {
        g.run({0xa2, 0x01, 0x50, 0, 0});
        CHECK(g.cpu.eip == kCode + 5);
    }
    SECTION("a write across it") {
        g.run({0xa3, 0x00, 0x50, 0, 0});
        REQUIRE(g.in_handler(Vector::DB));
        CHECK((g.cpu.dr[6] & 0xf) == 4);
        CHECK(g.stack(0) == kCode + 5);
    }
}

TEST_CASE("DR7.GD guards the debug registers, and the handler may use them") {
    SystemGuest g;
    g.cpu.dr[7] = 0x400 | 1 << 13;
    g.run({0x0f, 0x21, 0xc0});
    REQUIRE(g.in_handler(Vector::DB));
    CHECK((g.cpu.dr[6] & kBD) != 0);
    CHECK((g.cpu.dr[7] & 1 << 13) == 0);
    CHECK(g.stack(0) == kCode);
}

TEST_CASE("DR4 is DR6, until CR4.DE") {
    SystemGuest g;
    g.run({0x0f, 0x21, 0xe0});
    CHECK(g.cpu.gpr[EAX] == 0xffff0ff0);
    g.cpu.cr4 |= cr4::DE;
    g.run({0x0f, 0x21, 0xe0});
    CHECK(g.in_handler(Vector::UD));
}

TEST_CASE("INT1 reports no cause") {
    SystemGuest g;
    g.run({0xf1});
    REQUIRE(g.in_handler(Vector::DB));
    CHECK((g.cpu.dr[6] & 0xe00f) == 0);
    CHECK(g.stack(0) == kCode + 1);
}

TEST_CASE("a single-step trap ends HLT") {
    SystemGuest g;
    g.cpu.system_flags |= flag::TF;
    g.run({0xf4});
    REQUIRE(g.in_handler(Vector::DB));
    CHECK(g.stack(0) == kCode + 1);
    CHECK(g.cpu.activity == Activity::Running);
}
