// Interrupts and exceptions: gates, privilege, error codes, double and triple faults, IRET.
#include <catch2/catch.hpp>

#include "test/unit/translator/system_fixture.h"

using namespace ringfold;
using namespace ringfold::test;

TEST_CASE("INT from ring 3 switches to the stack of the TSS") {
    SystemGuest g;
    g.set_gate(0x80, SystemGuest::gate(kCs0, handler(0x80), 0xef));  // a trap gate, DPL 3
    g.enter_ring(3);
    g.cpu.interrupt_flag = 1;
    g.cpu.system_flags |= flag::NT;
    g.run({0xcd, 0x80});
    CHECK(g.cpu.eip == handler(0x80));
    CHECK(g.cpu.cpl == 0);
    CHECK(g.cpu.segment[SS].selector == kDs0);
    CHECK(g.cpu.gpr[ESP] == kStack0 - 20);
    CHECK(g.stack(0) == kUserCode + 2);
    CHECK(g.stack(1) == kCs3);
    CHECK(g.stack(2) == (2 | flag::IF | flag::NT));
    CHECK(g.stack(3) == kStack3);
    CHECK(g.stack(4) == kDs3);
    CHECK(g.cpu.interrupt_flag == 1);  // a trap gate leaves IF
    CHECK((g.cpu.system_flags & flag::NT) == 0);
    CHECK(g.cpu.segment[DS].selector == kDs3);
}

TEST_CASE("INT through a gate above CPL is #GP with the IDT bit, at the INT itself") {
    SystemGuest g;
    g.enter_ring(3);
    g.run({0xcd, 0x80});
    REQUIRE(g.in_handler(Vector::GP));
    CHECK(g.stack(0) == 0x80 * 8 + 2);
    CHECK(g.stack(1) == kUserCode);
    CHECK((g.stack(3) & flag::RF) != 0);  // faults push RF set
}

TEST_CASE("an exception does not care for the gate's DPL") {
    SystemGuest g;
    g.enter_ring(3);
    g.run({0x0f, 0x0b});
    CHECK(g.in_handler(Vector::UD));
    CHECK(g.stack(0) == kUserCode);
}

TEST_CASE("a 16-bit gate has 16 offset bits and pushes words") {
    SystemGuest g;
    g.set_gate(0x40, SystemGuest::gate(kCs0, 0xdead9400, 0x86));
    g.run({0xcd, 0x40});
    CHECK(g.cpu.eip == 0x9400);
    CHECK(g.cpu.gpr[ESP] == kStack0 - 6);
    CHECK(g.peek<uint16_t>(kStack0 - 6) == kCode + 2);
}

TEST_CASE("INT to a conforming handler stays in its ring and on its stack") {
    SystemGuest g;
    g.set_gate(0x41, SystemGuest::gate(kConforming, 0x9410, 0xee));
    g.enter_ring(3);
    g.run({0xcd, 0x41});
    CHECK(g.cpu.eip == 0x9410);
    CHECK(g.cpu.cpl == 3);
    CHECK(g.cpu.segment[CS].selector == (kConforming | 3));
    CHECK(g.cpu.gpr[ESP] == kStack3 - 12);
}

TEST_CASE("error codes of gates: not present, wrong type, bad selector; EXT only for events from outside") {
    SystemGuest g;
    SECTION("a gate that is not present, by INT n") {
        g.set_gate(0x42, SystemGuest::gate(kCs0, 0x9420, 0x0e));
        g.run({0xcd, 0x42});
        REQUIRE(g.in_handler(Vector::NP));
        CHECK(g.stack(0) == 0x42 * 8 + 2);
    }
    SECTION("the same by the INTR pin") {
        g.set_gate(0x42, SystemGuest::gate(kCs0, 0x9420, 0x0e));
        g.interpreter.interrupt(0x42);
        REQUIRE(g.in_handler(Vector::NP));
        CHECK(g.stack(0) == 0x42 * 8 + 3);
    }
    SECTION("no gate at all") {
        g.set_gate(0x42, SystemGuest::segment(0, 0xffff, 0x93));
        g.run({0xcd, 0x42});
        REQUIRE(g.in_handler(Vector::GP));
        CHECK(g.stack(0) == 0x42 * 8 + 2);
    }
    SECTION("a null code selector") {
        g.set_gate(0x42, SystemGuest::gate(3, 0x9420, 0x8e));
        g.interpreter.interrupt(0x42);
        REQUIRE(g.in_handler(Vector::GP));
        CHECK(g.stack(0) == 1);
    }
    SECTION("a data segment as handler") {
        g.set_gate(0x42, SystemGuest::gate(kDs0, 0x9420, 0x8e));
        g.run({0xcd, 0x42});
        REQUIRE(g.in_handler(Vector::GP));
        CHECK(g.stack(0) == kDs0);
    }
    SECTION("beyond the IDT's limit") {
        g.cpu.idtr.limit = 0x1ff;
        g.run({0xcd, 0x42});
        REQUIRE(g.in_handler(Vector::GP));
        CHECK(g.stack(0) == 0x42 * 8 + 2);
    }
    SECTION("an inner stack that is not present") {
        g.poke<uint32_t>(kTss + 8, kAbsent);
        g.set_gate(0x42, SystemGuest::gate(kCs0, 0x9420, 0xee));
        g.set_gate(12, SystemGuest::gate(kConforming, 0x9430, 0x8e));
        g.enter_ring(3);
        g.run({0xcd, 0x42});
        CHECK(g.cpu.eip == 0x9430);
        CHECK(g.stack(0) == kAbsent);
    }
}

TEST_CASE("contributory faults become #DF with error code 0, and then shutdown") {
    SystemGuest g;
    g.set_gate(13, 0);
    SECTION("double") {
        g.run({0x0f, 0x20, 0xc0}, 0);
        g.enter_ring(3);
        g.run({0xf4});  // HLT: #GP, whose gate is missing: #NP or #GP
        REQUIRE(g.in_handler(Vector::DF));
        CHECK(g.stack(0) == 0);
        CHECK(g.stack(1) == kUserCode);
    }
    SECTION("triple") {
        g.set_gate(8, 0);
        g.enter_ring(3);
        CHECK(g.run({0xf4}) == Step::TripleFault);
        CHECK(g.cpu.activity == Activity::Shutdown);
    }
    SECTION("a benign exception first is not a double fault") {
        g.set_gate(6, 0);  // #UD cannot be delivered: #GP instead, which cannot either: #DF
        g.set_gate(13, SystemGuest::gate(kCs0, handler(13), 0x8e));
        g.run({0x0f, 0x0b});
        REQUIRE(g.in_handler(Vector::GP));
        CHECK(g.stack(0) == 6 * 8 + 3);
    }
}

TEST_CASE("IRET to ring 3 drops data segments that it may not use") {
    SystemGuest g;
    g.cpu.segment[FS].selector = kDs3;
    g.cpu.segment[FS].attributes = 0xc0f3;
    g.cpu.gpr[ESP] -= 20;
    const uint32_t frame[5] = {kUserCode, kCs3, 2 | flag::IF | flag::IOPL | flag::ID, kStack3, kDs3};
    memcpy(g.ram.host(GuestPhys(g.cpu.gpr[ESP])), frame, sizeof frame);
    g.run({0xcf});
    CHECK(g.cpu.eip == kUserCode);
    CHECK(g.cpu.cpl == 3);
    CHECK(g.cpu.gpr[ESP] == kStack3);
    CHECK(g.cpu.eflags() == frame[2]);
    CHECK_FALSE(g.cpu.segment[DS].present());
    CHECK(g.cpu.segment[DS].selector == 0);
    CHECK(g.cpu.segment[FS].selector == kDs3);
}

TEST_CASE("IRET in ring 3 changes neither IOPL nor, above it, IF") {
    SystemGuest g;
    g.enter_ring(3);
    g.cpu.gpr[ESP] -= 12;
    const uint32_t frame[3] = {kUserCode + 8, kCs3, 2 | flag::IF | flag::IOPL | flag::VM | flag::CF};
    memcpy(g.ram.host(GuestPhys(g.cpu.gpr[ESP])), frame, sizeof frame);
    g.run({0xcf});
    CHECK(g.cpu.eip == kUserCode + 8);
    CHECK(g.cpu.eflags() == (2 | flag::CF));
}

TEST_CASE("IRET checks: an inner CS, a stack of the wrong ring") {
    SystemGuest g;
    g.enter_ring(3);
    uint32_t frame[5] = {kCode, kCs0, 2, kStack0, kDs0};
    g.cpu.gpr[ESP] -= 20;
    SECTION("to an inner ring") {
        memcpy(g.ram.host(GuestPhys(g.cpu.gpr[ESP])), frame, sizeof frame);
        g.run({0xcf});
        REQUIRE(g.in_handler(Vector::GP));
        CHECK(g.stack(0) == kCs0);
    }
    SECTION("ring 0 to 3 with a ring 0 stack") {
        g.enter_ring(0);
        g.cpu.gpr[ESP] -= 20;
        frame[1] = kCs3;
        memcpy(g.ram.host(GuestPhys(g.cpu.gpr[ESP])), frame, sizeof frame);
        g.run({0xcf});
        REQUIRE(g.in_handler(Vector::GP));
        CHECK(g.stack(0) == kDs0);
        CHECK(g.cpu.gpr[ESP] == kStack0 - 20 - 16);
    }
}

TEST_CASE("real mode: vectors, flags, and no error code") {
    SystemGuest g;
    g.enter_real_mode();
    g.poke<uint32_t>(0x21 * 4, 0x1234 << 16 | 0x5678);
    g.cpu.interrupt_flag = 1;
    g.run({0xcd, 0x21});
    CHECK(g.cpu.segment[CS].selector == 0x1234);
    CHECK(g.cpu.segment[CS].base == 0x12340);
    CHECK(g.cpu.eip == 0x5678);
    CHECK(g.cpu.interrupt_flag == 0);
    CHECK(g.peek<uint16_t>(kStack0 - 6) == kCode + 2);
    CHECK(g.peek<uint16_t>(kStack0 - 2) == (2 | flag::IF));
    CHECK(g.cpu.gpr[ESP] == kStack0 - 6);
}

TEST_CASE("v86: INT n and IRET need IOPL 3; NT means nothing; the handler finds null data segments") {
    SystemGuest g;
    g.set_gate(0x50, SystemGuest::gate(kCs0, handler(0x50), 0xee));
    SECTION("IOPL 0: #GP(0) with the v86 frame") {
        g.enter_v86(0);
        g.cpu.segment[GS].selector = 0x77;
        g.run({0xcd, 0x50});
        REQUIRE(g.in_handler(Vector::GP));
        CHECK(g.cpu.gpr[ESP] == kStack0 - 40);
        CHECK(g.stack(0) == 0);
        CHECK((g.stack(3) & flag::VM) != 0);
        CHECK(g.stack(9) == 0x77);
        CHECK_FALSE(g.cpu.v86());
        CHECK(g.cpu.cpl == 0);
        for (const SegmentIndex i : {ES, DS, FS, GS}) CHECK_FALSE(g.cpu.segment[i].present());
    }
    SECTION("INT3 does not look at IOPL") {
        g.set_gate(3, SystemGuest::gate(kCs0, handler(3), 0xee));
        g.enter_v86(0);
        g.run({0xcc});
        CHECK(g.in_handler(Vector::BP));
    }
    SECTION("a handler that is not of ring 0") {
        g.set_gate(0x50, SystemGuest::gate(kCs1, 0x9500, 0xee));
        g.enter_v86(3);
        g.run({0xcd, 0x50});
        REQUIRE(g.in_handler(Vector::GP));
        CHECK(g.stack(0) == (kCs1 & 0xfffc));
    }
    SECTION("IRET within v86, with NT set") {
        g.enter_v86(3);
        g.cpu.system_flags |= flag::NT;
        g.cpu.gpr[ESP] -= 6;
        const uint16_t frame[3] = {0x300, 0x0100, 2 | flag::IF};
        memcpy(g.ram.host(GuestPhys(g.cpu.gpr[ESP])), frame, sizeof frame);
        g.run({0xcf});
        CHECK(g.cpu.segment[CS].base == 0x1000);
        CHECK(g.cpu.eip == 0x300);
        CHECK(g.cpu.v86());
        CHECK(g.cpu.iopl() == 3);
        CHECK(g.cpu.interrupt_flag == 1);
    }
    SECTION("and back by IRET from ring 0") {
        g.cpu.gpr[ESP] -= 36;
        const uint32_t frame[9] = {0x10, 0x200, 2 | flag::VM | flag::IF, 0xfffe, 0x300, 1, 2, 3, 4};
        memcpy(g.ram.host(GuestPhys(g.cpu.gpr[ESP])), frame, sizeof frame);
        g.run({0xcf});
        CHECK(g.cpu.v86());
        CHECK(g.cpu.cpl == 3);
        CHECK(g.cpu.segment[CS].base == 0x2000);
        CHECK(g.cpu.segment[SS].base == 0x3000);
        CHECK(g.cpu.segment[ES].selector == 1);
        CHECK(g.cpu.segment[DS].selector == 2);
        CHECK(g.cpu.segment[GS].limit == 0xffff);
    }
}

TEST_CASE("POPF and PUSHF by privilege") {
    SystemGuest g;
    SECTION("ring 3, IOPL 0: IF and IOPL stay") {
        g.enter_ring(3);
        g.cpu.interrupt_flag = 1;
        g.cpu.gpr[ESP] -= 4;
        g.poke<uint32_t>(g.cpu.gpr[ESP], flag::IOPL | flag::CF | flag::VM | flag::AC);
        g.run({0x9d});
        CHECK(g.cpu.eflags() == (2 | flag::IF | flag::CF | flag::AC));
    }
    SECTION("v86, IOPL 0: both fault") {
        g.enter_v86(0);
        g.run({0x9c});
        CHECK(g.in_handler(Vector::GP));
    }
    SECTION("PUSHF hides VM and RF") {
        g.enter_v86(3);
        g.cpu.system_flags |= flag::RF;
        g.run({0x66, 0x9c});
        CHECK(g.peek<uint32_t>(g.cpu.gpr[ESP]) == (2 | flag::IOPL));
    }
    SECTION("CLI above IOPL") {
        g.enter_ring(3);
        g.run({0xfa});
        CHECK(g.in_handler(Vector::GP));
    }
}
