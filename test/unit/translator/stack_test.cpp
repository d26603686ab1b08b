// Stack and branch handlers where user-mode code with flat segments does not reach: 16-bit stacks, limits of CS.
#include <catch2/catch.hpp>

#include "test/unit/translator/interpreter_fixture.h"

using namespace ringfold;
using ringfold::test::InterpretedGuest;

TEST_CASE("a 16-bit stack wraps at 64 KiB and keeps the high half of ESP") {
    InterpretedGuest g;
    g.use_small_stack();
    g.s.gpr[ESP] = 0xabcd0002;
    g.s.gpr[EAX] = 0x11223344;
    CHECK_FALSE(g.run({0x66, 0x50}));  // push ax
    CHECK(g.s.gpr[ESP] == 0xabcd0000);
    CHECK_FALSE(g.run({0x66, 0x50}));
    CHECK(g.s.gpr[ESP] == 0xabcdfffe);
    CHECK(g.peek<uint16_t>(0xfffe) == 0x3344);
    CHECK_FALSE(g.run({0x66, 0x59}));  // pop cx
    CHECK(g.s.gpr[ESP] == 0xabcd0000);
    CHECK(g.s.gpr[ECX] == 0x3344);
}

TEST_CASE("a push that leaves the stack segment is #SS and changes nothing") {
    InterpretedGuest g;
    g.use_small_stack();
    g.s.gpr[ESP] = 2;  // four bytes at 0xfffe do not fit below the limit
    CHECK(g.run({0x50}) == GuestFault::stack());
    CHECK(g.s.gpr[ESP] == 2);
    CHECK(g.s.eip == InterpretedGuest::kCode);
}

TEST_CASE("POP to memory at ESP uses ESP as it is after the pop") {
    InterpretedGuest g;
    g.poke<uint32_t>(InterpretedGuest::kStack, 0xcafef00d);
    CHECK_FALSE(g.run({0x8f, 0x04, 0x24}));  // pop dword [esp]
    CHECK(g.peek<uint32_t>(InterpretedGuest::kStack + 4) == 0xcafef00d);
    g.s.segment[DS].attributes &= ~2;  // read-only
    g.s.gpr[EAX] = InterpretedGuest::kData;
    CHECK(g.run({0x8f, 0x00}) == GuestFault::general_protection());
    CHECK(g.s.gpr[ESP] == InterpretedGuest::kStack + 4);
}

TEST_CASE("near branches look at the limit of CS before they change anything") {
    InterpretedGuest g;
    g.s.segment[CS].limit = 0x1fff;
    CHECK(g.run({0xe8, 0x00, 0x10, 0x00, 0x00}) == GuestFault::general_protection());  // call 0x2005
    CHECK(g.s.gpr[ESP] == InterpretedGuest::kStack);
    g.poke<uint32_t>(InterpretedGuest::kStack, 0x2000);
    CHECK(g.run({0xc3}) == GuestFault::general_protection());
    CHECK(g.s.gpr[ESP] == InterpretedGuest::kStack);
    g.s.gpr[ECX] = 2;
    g.s.eip = 0x1ff0;
    CHECK(g.run({0xe2, 0x7f}) == GuestFault::general_protection());  // loop beyond the limit
    CHECK(g.s.gpr[ECX] == 2);
    CHECK_FALSE(g.run({0x74, 0x7f}));  // not taken: no check
}

TEST_CASE("a 16-bit operand size cuts the target") {
    InterpretedGuest g;
    g.s.eip = 0x12340000;
    CHECK_FALSE(g.run({0x66, 0xeb, 0x10}));
    CHECK(g.s.eip == 0x13);
    g.use_small_code();
    g.s.eip = 0xfff8;
    CHECK_FALSE(g.run({0xeb, 0x10}));
    CHECK(g.s.eip == 0x000a);
}

TEST_CASE("LOOP and JCXZ count by the address size") {
    InterpretedGuest g;
    g.s.gpr[ECX] = 0x00010000;
    CHECK_FALSE(g.run({0x67, 0xe3, 0x10}));  // jcxz
    CHECK(g.s.eip == InterpretedGuest::kCode + 0x13);
    g.s.gpr[ECX] = 0x00010001;
    CHECK_FALSE(g.run({0x67, 0xe2, 0x10}));  // loopw: CX becomes 0
    CHECK(g.s.eip == InterpretedGuest::kCode + 0x16);
    CHECK(g.s.gpr[ECX] == 0x00010000);
}
