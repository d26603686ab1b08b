// Random system instructions against random descriptor tables: whatever faults has changed nothing.
#include <catch2/catch.hpp>

#include <random>

#include "test/unit/translator/system_fixture.h"
#include "translator/decode/fetch.h"

using namespace ringfold;
using namespace ringfold::test;

namespace {

struct Random {
    std::mt19937 engine;
    uint32_t operator()(uint32_t below) { return static_cast<uint32_t>(engine()) % below; }
    uint32_t word() { return static_cast<uint32_t>(engine()); }
};

constexpr uint32_t kEntries = 32, kLdt = 0x1800;

// Mostly sensible: every type, any DPL, now and then absent, short, or based where nothing is.
uint64_t random_descriptor(Random& r) {
    const uint32_t access = 0x80 | r(4) << 5 | r(32);
    const uint32_t absent = r(8) == 0 ? 0x80 : 0;
    if (access & 0x10) {  // a segment
        const bool small = r(4) == 0;
        const auto attributes = static_cast<uint16_t>((access ^ absent) | r(2) << 14 | (small ? 0 : 0x8000));
        return SystemGuest::segment(r(4) ? 0 : r(0x4000), small ? r(0x9000) : 0xfffff, attributes);
    }
    if (access & 4 && r(2))
        return SystemGuest::gate(static_cast<uint16_t>(r(kEntries) * 8 + r(8)), r(4) ? r(0xc000) : r.word(),
                                 static_cast<uint8_t>(access ^ absent), r(4));
    const uint32_t task = r(4) ? (access & 0xf8) | 1 : access;  // mostly available tasks
    return SystemGuest::segment(r(2) ? kTss2 : kTss16, r(4) ? 0x80 : r(0x80), static_cast<uint16_t>(task ^ absent));
}

void randomise(SystemGuest& g, Random& r) {
    for (uint32_t n = 0; n < kEntries; ++n) {
        if (n > 6) g.poke<uint64_t>(kGdt + 8 * n, random_descriptor(r));
        g.poke<uint64_t>(kLdt + 8 * n, random_descriptor(r));
        g.poke<uint64_t>(kIdt + 8 * n, random_descriptor(r));
    }
    for (uint32_t at = kTss2; at < kTss2 + 0x400; at += 4)
        g.poke<uint32_t>(at, r(3) ? r(kEntries) * 8 + r(8) : r.word());
    g.poke<uint32_t>(kTss + 8, r(4) ? uint32_t{kDs0} : r(kEntries) * 8 + r(8));
    g.enter_ring(r(2) * 3);
    if (r(8) == 0) g.enter_v86(r(2) * 3);
    g.cpu.ldtr = {8, 0x82, kLdt, kEntries * 8 - 1};
    for (auto& value : g.cpu.gpr) value = r(2) ? r(kEntries) * 8 + r(8) : r.word();
    g.cpu.gpr[ESP] = r(8) ? kStack3 : r.word();
    for (uint32_t n = 0; n < 10; ++n)
        g.poke<uint32_t>(kStack3 + 4 * n, r(3) ? r(kEntries) * 8 + r(8) : r.word());
    g.cpu.system_flags |= (r(8) == 0 ? flag::NT : 0) | r(4) << 12;
    g.cpu.segment[SS].limit = r(8) ? 0xffffffff : r(0x8000);
}

std::vector<uint8_t> random_opcode(Random& r) {
    static const std::vector<std::vector<uint8_t>> kOpcodes = {
        {0xcf}, {0xcb}, {0xca, 4, 0}, {0x9d}, {0x07}, {0x17}, {0x1f}, {0x0f, 0xa1}, {0x0f, 0xa9},
        {0x8e, 0xc0}, {0x8e, 0xd3}, {0x8e, 0xd8}, {0xc4, 0x04, 0x24}, {0x0f, 0xb2, 0x04, 0x24},
        {0xff, 0x1c, 0x24}, {0xff, 0x2c, 0x24}, {0x0f, 0x00, 0xd0}, {0x0f, 0x00, 0xd8}, {0x0f, 0x34}, {0x0f, 0x35},
        {0xcc}, {0xce}, {0xf1}, {0x0f, 0x22, 0xc0}, {0x0f, 0x22, 0xe0}, {0x0f, 0x23, 0xf8}, {0x0f, 0x01, 0x14, 0x24},
        {0x6c}, {0x6e}, {0xec}, {0xef}};
    const auto selector = static_cast<uint8_t>(r(kEntries) * 8 + r(8));
    switch (r(4)) {
        case 0: return {0xcd, static_cast<uint8_t>(r(kEntries))};
        case 1: return {static_cast<uint8_t>(r(2) ? 0x9a : 0xea), 0, 0x80, 0, 0, selector, 0, 0};
        default: return kOpcodes[r(static_cast<uint32_t>(kOpcodes.size()))];
    }
}

bool same(const SegmentRegister* a, const SegmentRegister* b) { return std::equal(a, a + kSegments, b); }

}  // namespace

TEST_CASE("a system instruction that faults has changed nothing but, after a task switch, the task") {
    Random r{std::mt19937(20061021)};
    SystemGuest g;
    unsigned faults = 0, completed = 0, switched = 0;
    for (int n = 0; n < 30000; ++n) {
        INFO("round " << n);
        randomise(g, r);
        const bool prefixed = r(4) == 0;
        g.poke<uint8_t>(g.cpu.eip, 0x66);
        g.place(g.cpu.eip + prefixed, random_opcode(r));
        Instruction i;
        fetch_instruction(g.cpu, g.memory, i);
        const CpuState before = g.cpu;
        g.interpreter.next_eip = g.cpu.eip + i.length;
        const auto type_of_tr = g.peek<uint8_t>(kGdt + kTr + 5);
        try {
            i.interpret(g.interpreter, i);
            ++completed;
            REQUIRE(g.cpu.cpl == (g.cpu.v86() ? 3u : g.cpu.protected_mode() ? g.cpu.segment[CS].selector & 3u : 0u));
        } catch (const GuestFault&) {
            ++faults;
            if (g.cpu.tr.selector == before.tr.selector) {
                REQUIRE(g.cpu.gpr == before.gpr);
                REQUIRE(g.cpu.eip == before.eip);
                REQUIRE((g.cpu.eflags() | flag::RF) == (before.eflags() | flag::RF));
                REQUIRE(same(g.cpu.segment.data(), before.segment.data()));
                REQUIRE(g.cpu.cpl == before.cpl);
                REQUIRE(g.cpu.cr0 == before.cr0);
                REQUIRE(g.cpu.cr4 == before.cr4);
                REQUIRE(g.peek<uint8_t>(kGdt + kTr + 5) == type_of_tr);
            }
        }
        if (g.cpu.tr.selector != before.tr.selector) ++switched;
        g.cpu = before;
        g.poke<uint8_t>(kGdt + kTr + 5, type_of_tr);
        g.cpu.cr0 = cr0::PE | cr0::ET;
        g.cpu.cr4 = 0;
        g.cpu.dr[7] = 0x400;
        g.memory.paging_mode_changed();
    }
    // The tables are random, but not so wild that nothing works.
    CHECK(completed > 3000);
    CHECK(faults > 3000);
    CHECK(switched > 100);
}
