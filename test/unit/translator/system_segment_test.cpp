// Segment loads, limits, far transfers through gates, and questions about selectors.
#include <catch2/catch.hpp>

#include "test/unit/translator/system_fixture.h"

using namespace ringfold;
using namespace ringfold::test;

namespace {

// mov SREG, ax
const std::vector<uint8_t> kMovEs = {0x8e, 0xc0}, kMovSs = {0x8e, 0xd0}, kMovDs = {0x8e, 0xd8};

}  // namespace

TEST_CASE("segment loads fail with the right vector and error code") {
    SystemGuest g;
    SECTION("not present") {
        g.cpu.gpr[EAX] = kAbsent;
        g.run(kMovEs);
        REQUIRE(g.in_handler(Vector::NP));
        CHECK(g.stack(0) == kAbsent);
    }
    SECTION("SS not present is #SS") {
        g.cpu.gpr[EAX] = kAbsent;
        g.run(kMovSs);
        REQUIRE(g.in_handler(Vector::SS));
        CHECK(g.stack(0) == kAbsent);
    }
    SECTION("SS null") {
        g.cpu.gpr[EAX] = 0;
        g.run(kMovSs);
        REQUIRE(g.in_handler(Vector::GP));
        CHECK(g.stack(0) == 0);
    }
    SECTION("SS of another ring") {
        g.cpu.gpr[EAX] = kDs3;
        g.run(kMovSs);
        REQUIRE(g.in_handler(Vector::GP));
        CHECK(g.stack(0) == (kDs3 & 0xfffc));
    }
    SECTION("beyond the table") {
        g.cpu.gpr[EAX] = 0x1000;
        g.run(kMovDs);
        REQUIRE(g.in_handler(Vector::GP));
        CHECK(g.stack(0) == 0x1000);
    }
    SECTION("a system descriptor") {
        g.cpu.gpr[EAX] = kTr;
        g.run(kMovDs);
        REQUIRE(g.in_handler(Vector::GP));
        CHECK(g.stack(0) == kTr);
    }
    SECTION("ring 0 data from ring 3") {
        g.enter_ring(3);
        g.cpu.gpr[EAX] = kDs0;
        g.run(kMovDs);
        REQUIRE(g.in_handler(Vector::GP));
        CHECK(g.stack(0) == kDs0);
    }
    SECTION("conforming code from ring 3 is fine, whatever the RPL") {
        g.enter_ring(3);
        g.cpu.gpr[EAX] = kConforming;
        g.run(kMovDs);
        CHECK(g.cpu.segment[DS].selector == kConforming);
    }
    SECTION("CS cannot be loaded so") {
        g.run({0x8e, 0xc8});
        CHECK(g.in_handler(Vector::UD));
    }
}

TEST_CASE("a null selector loads, and faults when used") {
    SystemGuest g;
    g.cpu.gpr[EAX] = 3;
    g.run(kMovEs);
    CHECK(g.cpu.segment[ES].selector == 3);
    g.run({0x26, 0xa0, 0x00, 0x50, 0x00, 0x00});  // mov al, es:[5000]
    REQUIRE(g.in_handler(Vector::GP));
    CHECK(g.stack(0) == 0);
}

TEST_CASE("the accessed bit is set on a load, and written only when it was clear") {
    SystemGuest g;
    int writes = 0;
    const Trace trace = g.tracer.memory_trace(GuestPhys(kGdt), 0x100, TraceKind::Gdt, [&](const TraceWrite&) { ++writes; });
    g.cpu.gpr[EAX] = kFresh;
    g.run(kMovEs);
    CHECK(writes == 1);
    CHECK((g.descriptor(kFresh) >> 40 & 1) == 1);
    g.run(kMovDs);
    CHECK(writes == 1);
}

TEST_CASE("limits") {
    SystemGuest g;
    auto load = [&](uint16_t selector) {
        g.cpu.gpr[EAX] = selector;
        g.run(kMovDs);
    };
    auto read_dword = [&](uint32_t at) {
        g.cpu.gpr[EBX] = at;
        g.run({0x8b, 0x03});
        return !g.in_handler(Vector::GP);
    };
    SECTION("the last dword of a small segment") { load(kSmall); CHECK(read_dword(0xfc)); }
    SECTION("one byte further") { load(kSmall); CHECK_FALSE(read_dword(0xfd)); }
    SECTION("an offset that wraps") { load(kSmall); CHECK_FALSE(read_dword(0xfffffffe)); }
    SECTION("expand-down: below") { load(kDown); CHECK_FALSE(read_dword(0xff)); }
    SECTION("expand-down: just above") { load(kDown); CHECK(read_dword(0x100)); }
    SECTION("expand-down with B clear ends at 64 KiB") {
        g.set_descriptor(kDown, SystemGuest::segment(kData, 0xff, 0x00f7));
        load(kDown);
        CHECK(read_dword(0xfffc));
        CHECK_FALSE(read_dword(0xfffd));
    }
    SECTION("real mode: 64 KiB") {
        g.enter_real_mode();
        g.poke<uint32_t>(13 * 4, 0x9000);
        g.cpu.gpr[EBX] = 0xffff;
        g.run({0x8b, 0x07});  // mov ax, [bx]
        CHECK(g.cpu.eip == 0x9000);
    }
    SECTION("the stack faults with #SS(0)") {
        g.cpu.segment[SS].limit = 0x6fff;
        g.cpu.gpr[EBP] = 0x6ffd;
        g.run({0x8b, 0x45, 0x00});  // mov eax, [ebp]
        REQUIRE(g.in_handler(Vector::SS));
        CHECK(g.stack(0) == 0);
    }
    SECTION("a code segment is read-only") {
        g.run({0x2e, 0xa2, 0x00, 0x50, 0x00, 0x00});  // mov cs:[5000], al
        CHECK(g.in_handler(Vector::GP));
    }
}

TEST_CASE("CALL through a gate to ring 0 copies parameters, and RET releases both stacks") {
    SystemGuest g;
    g.enter_ring(3);
    g.cpu.gpr[ESP] -= 8;
    g.poke<uint32_t>(kStack3 - 8, 0x11111111);
    g.poke<uint32_t>(kStack3 - 4, 0x22222222);
    g.place(kCode + 0x100, {0xca, 0x08, 0x00});             // retf 8
    g.run({0x9a, 0x99, 0x99, 0x99, 0x99, kGate, 0x00});  // the offset does not count
    REQUIRE(g.cpu.eip == kCode + 0x100);
    CHECK(g.cpu.cpl == 0);
    CHECK(g.cpu.gpr[ESP] == kStack0 - 24);
    CHECK(g.stack(0) == kUserCode + 7);
    CHECK(g.stack(1) == kCs3);
    CHECK(g.stack(2) == 0x11111111);
    CHECK(g.stack(3) == 0x22222222);
    CHECK(g.stack(4) == kStack3 - 8);
    CHECK(g.stack(5) == kDs3);
    g.step();
    CHECK(g.cpu.eip == kUserCode + 7);
    CHECK(g.cpu.cpl == 3);
    CHECK(g.cpu.gpr[ESP] == kStack3);
}

TEST_CASE("JMP cannot change privilege, through a gate or not") {
    SystemGuest g;
    g.enter_ring(3);
    SECTION("gate") {
        g.run({0xea, 0, 0, 0, 0, kGate, 0x00});
        REQUIRE(g.in_handler(Vector::GP));
        CHECK(g.stack(0) == kCs0);
    }
    SECTION("segment") {
        g.run({0xea, 0, 0x80, 0, 0, kCs0, 0x00});
        REQUIRE(g.in_handler(Vector::GP));
        CHECK(g.stack(0) == kCs0);
    }
    SECTION("conforming is no change: CPL stays 3") {
        g.run({0xea, 0, 0x80, 0, 0, kConforming, 0x00});
        CHECK(g.cpu.eip == kCode);
        CHECK(g.cpu.cpl == 3);
        CHECK(g.cpu.segment[CS].selector == (kConforming | 3));
    }
    SECTION("a gate of too low DPL is named, not its target") {
        g.set_descriptor(kGate, SystemGuest::gate(kCs0, kCode, 0x8c));
        g.run({0x9a, 0, 0, 0, 0, kGate, 0x00});
        REQUIRE(g.in_handler(Vector::GP));
        CHECK(g.stack(0) == (kGate & 0xfffc));
    }
}

TEST_CASE("a far jump to 16-bit code, where EIP has 16 bits") {
    SystemGuest g;
    g.place(0xffff, {0x90});
    g.run({0xea, 0xff, 0xff, 0, 0, kCs16, 0x00});
    CHECK(g.cpu.eip == 0xffff);
    CHECK_FALSE(g.cpu.segment[CS].big());
    g.step();
    CHECK(g.cpu.eip == 0);
}

TEST_CASE("ARPL, LAR, LSL, VERR, VERW") {
    SystemGuest g;
    g.cpu.gpr[EAX] = 0x1008;
    g.cpu.gpr[EBX] = 3;
    SECTION("ARPL raises") {
        g.run({0x63, 0xd8});
        CHECK(g.cpu.gpr[EAX] == 0x100b);
        CHECK((g.cpu.arithmetic_flags & flag::ZF) != 0);
    }
    SECTION("ARPL is undefined in real mode") {
        g.enter_real_mode();
        g.poke<uint32_t>(6 * 4, 0x9000);
        g.run({0x63, 0xd8});
        CHECK(g.cpu.eip == 0x9000);
    }
    SECTION("LSL scales, and knows no gates") {
        g.cpu.gpr[EBX] = kDs0;
        g.run({0x0f, 0x03, 0xc3});
        CHECK(g.cpu.gpr[EAX] == 0xffffffff);
        g.cpu.gpr[EBX] = kGate;
        g.run({0x0f, 0x03, 0xc3});
        CHECK((g.cpu.arithmetic_flags & flag::ZF) == 0);
        CHECK(g.cpu.gpr[EAX] == 0xffffffff);
    }
    SECTION("LAR knows gates") {
        g.cpu.gpr[EBX] = kGate;
        g.run({0x0f, 0x02, 0xc3});
        CHECK(g.cpu.gpr[EAX] == 0xec00);
    }
    SECTION("VERW of code, VERR of code") {
        g.cpu.gpr[EBX] = kCs0;
        g.run({0x0f, 0x00, 0xeb});
        CHECK((g.cpu.arithmetic_flags & flag::ZF) == 0);
        g.run({0x0f, 0x00, 0xe3});
        CHECK((g.cpu.arithmetic_flags & flag::ZF) != 0);
    }
}
