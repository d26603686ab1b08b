// REP string instructions: stopping between elements, pages, overlaps, and what is not plain RAM.
#include <catch2/catch.hpp>

#include "test/unit/translator/interpreter_fixture.h"

using namespace ringfold;
using ringfold::test::InterpretedGuest;

namespace {
constexpr uint32_t kFrom = InterpretedGuest::kData, kTo = 0x30000;
}

TEST_CASE("REP MOVS copies across pages at any alignment") {
    InterpretedGuest g;
    for (uint32_t n = 0; n < 20000; ++n) g.poke<uint8_t>(kFrom + 3 + n, static_cast<uint8_t>(n * 7));
    g.s.gpr[ESI] = kFrom + 3;
    g.s.gpr[EDI] = kTo + 0xffe;
    g.s.gpr[ECX] = 5000;
    CHECK_FALSE(g.run({0xf3, 0xa5}));
    CHECK(g.s.gpr[ECX] == 0);
    CHECK(g.s.gpr[ESI] == kFrom + 3 + 20000);
    CHECK(g.s.gpr[EDI] == kTo + 0xffe + 20000);
    CHECK(memcmp(g.ram.host(GuestPhys(kFrom + 3)), g.ram.host(GuestPhys(kTo + 0xffe)), 20000) == 0);
    CHECK(g.peek<uint8_t>(kTo + 0xffe + 20000) == 0);
}

TEST_CASE("an overlapping forward copy repeats what it stored") {
    InterpretedGuest g;
    g.poke<uint16_t>(kFrom, 0xbbaa);
    g.s.gpr[ESI] = kFrom;
    g.s.gpr[EDI] = kFrom + 2;
    g.s.gpr[ECX] = 3000;
    CHECK_FALSE(g.run({0xf3, 0x66, 0xa5}));
    for (uint32_t n = 0; n <= 3000; ++n) REQUIRE(g.peek<uint16_t>(kFrom + 2 * n) == 0xbbaa);
}

TEST_CASE("DF counts down, and a counter of 16 bits leaves the rest of ECX alone") {
    InterpretedGuest g;
    g.s.direction_flag = 1;
    g.s.gpr[EAX] = 0x5a;
    g.s.gpr[EDI] = 0x10003;
    g.s.gpr[ECX] = 0x70005;
    CHECK_FALSE(g.run({0x67, 0xf3, 0xaa}));
    CHECK(g.s.gpr[ECX] == 0x70000);
    CHECK(g.s.gpr[EDI] == 0x1fffe);  // DI wraps within 64 KiB
    CHECK(g.peek<uint32_t>(0) == 0x5a5a5a5a);
    CHECK(g.peek<uint8_t>(0xffff) == 0x5a);
}

TEST_CASE("a pending event stops REP between two elements") {
    InterpretedGuest g;
    const std::atomic<int> now = 1;
    g.cpu.stop = &now;
    g.s.gpr[ESI] = kFrom;
    g.s.gpr[EDI] = kTo;
    g.s.gpr[ECX] = 3;
    CHECK_FALSE(g.run({0xf3, 0xa4}));
    CHECK(g.s.eip == InterpretedGuest::kCode);
    CHECK(g.s.gpr[ECX] == 2);
    CHECK_FALSE(g.run({0xf3, 0xa4}));
    CHECK_FALSE(g.run({0xf3, 0xa4}));  // the last element completes the instruction
    CHECK(g.s.eip == InterpretedGuest::kCode + 2);
    CHECK(g.s.gpr[ECX] == 0);
}

TEST_CASE("a fault in the middle keeps the elements done") {
    InterpretedGuest g;
    g.s.segment[ES].limit = kTo + 0x1fff;
    g.s.gpr[EDI] = kTo + 0x1ff8;
    g.s.gpr[ECX] = 4;
    CHECK(g.run({0xf3, 0xab}) == GuestFault::general_protection());
    CHECK(g.s.gpr[ECX] == 2);
    CHECK(g.s.gpr[EDI] == kTo + 0x2000);
    CHECK(g.s.eip == InterpretedGuest::kCode);
}

TEST_CASE("device memory gets each element") {
    InterpretedGuest g;
    g.s.gpr[EDI] = 0xb8000;
    g.s.gpr[ECX] = 4;
    CHECK_FALSE(g.run({0xf3, 0x66, 0xab}));
    CHECK(g.devices.writes == std::vector<uint64_t>{0xb8000, 0xb8002, 0xb8004, 0xb8006});
}

TEST_CASE("a traced page hears each store") {
    InterpretedGuest g;
    std::vector<uint64_t> heard;
    const Trace trace = g.tracer.memory_trace(GuestPhys(kTo), 16, TraceKind::Code,
                                              [&](const TraceWrite& w) { heard.push_back(w.address.value); });
    g.s.gpr[EDI] = kTo;
    g.s.gpr[ECX] = 2;
    CHECK_FALSE(g.run({0xf3, 0xab}));
    CHECK(heard == std::vector<uint64_t>{kTo, kTo + 4});
}

TEST_CASE("SCAS and CMPS end at the element that decides") {
    InterpretedGuest g;
    g.poke<uint32_t>(kTo, 0x00636261);
    g.s.gpr[EDI] = kTo;
    g.s.gpr[ECX] = 0xffffffff;
    CHECK_FALSE(g.run({0xf2, 0xae}));  // strlen
    CHECK(g.s.gpr[ECX] == 0xffffffff - 4);
    CHECK(g.s.arithmetic_flags & flag::ZF);
    g.s.gpr[ECX] = 0;
    g.s.arithmetic_flags = flag::CF;
    CHECK_FALSE(g.run({0xf3, 0xa6}));  // no element: flags as they were
    CHECK(g.s.arithmetic_flags == flag::CF);
}
