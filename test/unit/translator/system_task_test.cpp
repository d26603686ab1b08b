// Hardware task switches by JMP, CALL, IRET, task gates, in both formats.
#include <catch2/catch.hpp>

#include "test/unit/translator/system_fixture.h"

using namespace ringfold;
using namespace ringfold::test;

namespace {

void make_task32(SystemGuest& g) {
    const uint32_t fields[][2] = {{0x20, 0xb000}, {0x24, 2}, {0x28, 0xaaaa0000}, {0x38, 0x4400}, {0x48, kDs0},
                                  {0x4c, kCs0},   {0x50, kDs0}, {0x54, kDs0}, {0x58, 0}, {0x5c, 0}, {0x60, 0}};
    for (const auto& f : fields) g.poke<uint32_t>(kTss2 + f[0], f[1]);
}

unsigned type_of(const SystemGuest& g, uint16_t selector) { return g.descriptor(selector) >> 40 & 15; }

}  // namespace

TEST_CASE("CALL to a TSS nests, and IRET returns") {
    SystemGuest g;
    make_task32(g);
    g.cpu.gpr[EAX] = 0x12345678;
    g.run({0x9a, 0, 0, 0, 0, kTr2, 0});
    REQUIRE(g.cpu.eip == 0xb000);
    CHECK(g.cpu.gpr[EAX] == 0xaaaa0000);
    CHECK(g.cpu.gpr[ESP] == 0x4400);
    CHECK((g.cpu.system_flags & flag::NT) != 0);
    CHECK((g.cpu.cr0 & cr0::TS) != 0);
    CHECK(g.cpu.tr.selector == kTr2);
    CHECK(g.peek<uint16_t>(kTss2) == kTr);
    CHECK(type_of(g, kTr) == 11);
    CHECK(type_of(g, kTr2) == 11);
    CHECK(g.peek<uint32_t>(kTss + 0x20) == kCode + 7);
    CHECK(g.peek<uint32_t>(kTss + 0x28) == 0x12345678);

    g.run({0xcf});
    CHECK(g.cpu.eip == kCode + 7);
    CHECK(g.cpu.gpr[EAX] == 0x12345678);
    CHECK(g.cpu.tr.selector == kTr);
    CHECK(type_of(g, kTr2) == 9);
    CHECK(type_of(g, kTr) == 11);
    CHECK((g.peek<uint32_t>(kTss2 + 0x24) & flag::NT) == 0);
    CHECK(g.peek<uint32_t>(kTss2 + 0x20) == 0xb001);
}

TEST_CASE("JMP to a TSS frees the old task and leaves no back link") {
    SystemGuest g;
    make_task32(g);
    g.run({0xea, 0, 0, 0, 0, kTr2, 0});
    CHECK(g.cpu.eip == 0xb000);
    CHECK(type_of(g, kTr) == 9);
    CHECK(type_of(g, kTr2) == 11);
    CHECK((g.cpu.system_flags & flag::NT) == 0);
    CHECK(g.peek<uint16_t>(kTss2) == 0);
}

TEST_CASE("checks before the switch leave the old task alone") {
    SystemGuest g;
    make_task32(g);
    SECTION("busy") {
        g.run({0xea, 0, 0, 0, 0, kTr, 0});
        REQUIRE(g.in_handler(Vector::GP));
        CHECK(g.stack(0) == kTr);
    }
    SECTION("too short") {
        g.set_descriptor(kTr2, SystemGuest::segment(kTss2, 0x66, 0x89));
        g.run({0xea, 0, 0, 0, 0, kTr2, 0});
        REQUIRE(g.in_handler(Vector::TS));
        CHECK(g.stack(0) == kTr2);
        CHECK(g.stack(1) == kCode);
        CHECK(g.cpu.tr.selector == kTr);
    }
    SECTION("not present") {
        g.set_descriptor(kTr2, SystemGuest::segment(kTss2, 0x67, 0x09));
        g.run({0xea, 0, 0, 0, 0, kTr2, 0});
        REQUIRE(g.in_handler(Vector::NP));
        CHECK(g.stack(0) == kTr2);
    }
    SECTION("IRET with NT and a back link that is not busy") {
        g.poke<uint16_t>(kTss, kTr2);
        g.cpu.system_flags |= flag::NT;
        g.run({0xcf});
        REQUIRE(g.in_handler(Vector::TS));
        CHECK(g.stack(0) == kTr2);
    }
}

TEST_CASE("a fault while loading the new task belongs to the new task") {
    SystemGuest g;
    make_task32(g);
    g.poke<uint32_t>(kTss2 + 0x54, kAbsent);
    g.run({0xea, 0, 0, 0, 0, kTr2, 0});
    REQUIRE(g.in_handler(Vector::NP));
    CHECK(g.cpu.tr.selector == kTr2);
    CHECK(g.stack(0) == kAbsent);
    CHECK(g.stack(1) == 0xb000);
    CHECK(g.cpu.gpr[ESP] == 0x4400 - 16);
}

TEST_CASE("an exception through a task gate pushes its error code on the new task's stack") {
    SystemGuest g;
    make_task32(g);
    g.set_gate(13, SystemGuest::gate(kTr2, 0, 0x85));
    g.enter_ring(3);
    g.run({0xcd, 0x80});
    REQUIRE(g.cpu.tr.selector == kTr2);
    CHECK(g.cpu.cpl == 0);
    CHECK(g.cpu.eip == 0xb000);
    CHECK(g.stack(0) == 0x80 * 8 + 2);
    CHECK(g.peek<uint32_t>(kTss + 0x20) == kUserCode);
    CHECK((g.peek<uint32_t>(kTss + 0x24) & flag::RF) != 0);
}

TEST_CASE("a task gate is reached from ring 3") {
    SystemGuest g;
    make_task32(g);
    g.enter_ring(3);
    g.run({0x9a, 0, 0, 0, 0, kTaskGateSel, 0});
    CHECK(g.cpu.tr.selector == kTr2);
    CHECK(g.cpu.cpl == 0);
}

TEST_CASE("a 16-bit task") {
    SystemGuest g;
    const uint16_t fields[][2] = {{0x0e, 0xb000}, {0x10, 2}, {0x12, 0x1234}, {0x1a, 0x4400},
                                  {0x22, kDs0},   {0x24, kCs0}, {0x26, kDs0}, {0x28, kDs0}, {0x2a, 0}};
    for (const auto& f : fields) g.poke<uint16_t>(kTss16 + f[0], f[1]);
    g.run({0x9a, 0, 0, 0, 0, kTr16, 0});
    REQUIRE(g.cpu.tr.selector == kTr16);
    CHECK(g.cpu.eip == 0xb000);
    CHECK((g.cpu.gpr[EAX] & 0xffff) == 0x1234);
    CHECK(g.cpu.segment[DS].selector == kDs0);
    CHECK_FALSE(g.cpu.segment[FS].present());
    CHECK(type_of(g, kTr16) == 3);
    g.cpu.gpr[ESP] &= 0xffff;
    g.run({0xcf});
    CHECK(g.cpu.tr.selector == kTr);
    CHECK(type_of(g, kTr16) == 1);
    CHECK(g.peek<uint16_t>(kTss16 + 0x0e) == 0xb001);
}

TEST_CASE("the T bit traps before the first instruction of the new task") {
    SystemGuest g;
    make_task32(g);
    g.poke<uint16_t>(kTss2 + 0x64, 1);
    g.run({0xea, 0, 0, 0, 0, kTr2, 0});
    REQUIRE(g.in_handler(Vector::DB));
    CHECK((g.cpu.dr[6] & 0x8000) != 0);
    CHECK(g.stack(0) == 0xb000);
}

TEST_CASE("a return to a task in v86 mode") {
    SystemGuest g;
    make_task32(g);
    g.poke<uint32_t>(kTss2 + 0x20, 0x10);
    g.poke<uint32_t>(kTss2 + 0x24, 2 | flag::VM);
    g.poke<uint32_t>(kTss2 + 0x4c, 0x900);
    g.run({0xea, 0, 0, 0, 0, kTr2, 0});
    CHECK(g.cpu.v86());
    CHECK(g.cpu.cpl == 3);
    CHECK(g.cpu.segment[CS].base == 0x9000);
    CHECK(g.cpu.segment[SS].base == kDs0 * 16);
}
