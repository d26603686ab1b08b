// Tests of GuestMemory: fills, faults, device memory, traces, and what stays cached over paging changes.
#include "shadowmmu/guest_memory.h"

#include <catch2/catch.hpp>

#include "test/unit/shadowmmu/paged.h"

using namespace ringfold;
using namespace ringfold::test;

TEST_CASE("reads and writes go through and are cached; D comes with the first write") {
    Paged g;
    CHECK(g.read(0x401004) == 0x201004);
    CHECK(g.read_hits(0x401000, kUser));
    CHECK_FALSE(g.write_hits(0x401000, kUser));
    CHECK(g.peek<uint32_t>(kPt + 4) == (0x201000 | P | W | U | A));
    g.write(0x401004, 77);
    CHECK(g.write_hits(0x401000, kUser));
    CHECK(g.peek<uint32_t>(0x201004) == 77);
    CHECK(g.peek<uint32_t>(kPt + 4) == (0x201000 | P | W | U | A | D));
}

TEST_CASE("an access astride two pages, the second missing, changes nothing") {
    Paged g;
    const GuestVirt edge(0x40fffe);
    CHECK(fault_of([&] { g.memory.write<uint32_t>(edge, 0xdddddddd, kUser); }) ==
          GuestFault::page(GuestVirt(0x410000), kPfWrite | kPfUser));
    CHECK(g.peek<uint16_t>(0x20fffe) == 0x20);
    CHECK(fault_of([&] { g.memory.read<uint32_t>(edge, kUser); }) == GuestFault::page(GuestVirt(0x410000), kPfUser));
    g.memory.write<uint32_t>(GuestVirt(0x400ffe), 0x11223344, kUser);
    CHECK(g.peek<uint16_t>(0x200ffe) == 0x3344);
    CHECK(g.peek<uint16_t>(0x201000) == 0x1122);
    CHECK(g.memory.read<uint32_t>(GuestVirt(0x400ffe), kUser) == 0x11223344);
}

TEST_CASE("large copies check every page before the first byte") {
    Paged g;
    std::vector<uint8_t> data(3 * kPageSize, 0x5a);
    CHECK(fault_of([&] { g.memory.write_bytes(GuestVirt(0x40e800), data.data(), 3 * kPageSize, kUser); }));
    CHECK(g.peek<uint32_t>(0x20e800) == 0x20e800);
    g.memory.write_bytes(GuestVirt(0x400800), data.data(), 3 * kPageSize, kUser);
    CHECK(g.peek<uint8_t>(0x2037ff) == 0x5a);
    CHECK(g.peek<uint32_t>(0x203800) == 0x203800);
}

TEST_CASE("addresses wrap at 4 GiB") {
    Guest g;
    g.poke<uint32_t>(0, 0x01020304);
    CHECK(g.memory.read<uint64_t>(GuestVirt(0xfffffffc), kSupervisor) == 0x0102030444332211);
}

TEST_CASE("device memory is reached access by access, and the display hole is device memory") {
    Guest g;
    CHECK(g.memory.read<uint32_t>(GuestVirt(0xa0000), kSupervisor) == 0x44332211);
    g.memory.write<uint16_t>(GuestVirt(0xfee00010), 0xabcd, kSupervisor);
    CHECK(g.device.log[0] == std::tuple{'r', uint64_t{0xa0000}, 4u, uint64_t{0}});
    CHECK(g.device.log[1] == std::tuple{'w', uint64_t{0xfee00010}, 2u, uint64_t{0xabcd}});
    g.device.log.clear();
    const uint8_t seven[7] = {1, 2, 3, 4, 5, 6, 7};
    g.memory.write_bytes(GuestVirt(0xfee00000), seven, 7, kSupervisor);
    REQUIRE(g.device.log.size() == 3);
    CHECK(g.device.log[2] == std::tuple{'w', uint64_t{0xfee00006}, 1u, uint64_t{7}});
    GuestFault fault{};
    CHECK(g.memory.fill(GuestVirt(0xb8000), 2, Access::Write, kSupervisor, &fault) == Fill::Special);
}

TEST_CASE("fill says whether the access now hits inline") {
    Paged g;
    GuestFault fault{};
    CHECK(g.memory.fill(GuestVirt(0x400000), 4, Access::Read, kUser, &fault) == Fill::Ram);
    CHECK(g.memory.fill(GuestVirt(0x400000), 4, Access::Write, kUser, &fault) == Fill::Ram);
    CHECK(g.memory.fill(GuestVirt(0x400ffe), 4, Access::Read, kUser, &fault) == Fill::Special);
    CHECK(g.memory.fill(GuestVirt(0x410000), 4, Access::Read, kUser, &fault) == Fill::Fault);
    CHECK(fault == GuestFault::page(GuestVirt(0x410000), kPfUser));
    CHECK(g.memory.fill(GuestVirt(0x40fffe), 4, Access::Write, kUser, &fault) == Fill::Fault);
    CHECK(fault == GuestFault::page(GuestVirt(0x410000), kPfUser | kPfWrite));
    auto trace = g.tracer.memory_trace(GuestPhys(0x202000), 16, TraceKind::Code, [](const TraceWrite&) {});
    CHECK(g.memory.fill(GuestVirt(0x402000), 4, Access::Write, kUser, &fault) == Fill::Special);
    CHECK(g.memory.fill(GuestVirt(0x402000), 4, Access::Read, kUser, &fault) == Fill::Ram);
}

TEST_CASE("user and supervisor views do not mix") {
    Paged g;
    CHECK(g.read(0xc0200000, kSupervisor) == 0x200000);
    CHECK(fault_of([&] { g.read(0xc0200000); }) == GuestFault::page(GuestVirt(0xc0200000), kPfUser | kPfPresent));
}

TEST_CASE("without WP the supervisor writes read-only pages, inline too") {
    Paged g(kPaged);
    g.poke(kPt, 0x200000 | P | U);
    CHECK(fault_of([&] { g.write(0x400000, 1); }) ==
          GuestFault::page(GuestVirt(0x400000), kPfUser | kPfPresent | kPfWrite));
    g.write(0x400000, 5, kSupervisor);
    CHECK(g.write_hits(0x400000, kSupervisor));
    g.cpu.cr0 |= cr0::WP;
    g.memory.paging_mode_changed();
    CHECK(fault_of([&] { g.write(0x400000, 6, kSupervisor); }) ==
          GuestFault::page(GuestVirt(0x400000), kPfPresent | kPfWrite));
}

TEST_CASE("a trace hears writes by every road, with the bytes before and after") {
    Paged g;
    g.write(0x402010, 1);
    g.write(0xc0202000, 1, kSupervisor);
    CHECK(g.write_hits(0x402010, kUser));
    CHECK(g.write_hits(0xc0202010, kSupervisor));
    std::vector<std::tuple<uint64_t, uint8_t, uint8_t, TraceRoad>> heard;
    auto trace = g.tracer.memory_trace(GuestPhys(0x202010), 4, TraceKind::Code, [&](const TraceWrite& w) {
        heard.emplace_back(w.address.value, w.before[0], w.after[0], w.road);
    });
    CHECK_FALSE(g.write_hits(0x402010, kUser));
    CHECK_FALSE(g.write_hits(0xc0202010, kSupervisor));
    g.write(0x402010, 2);
    g.memory.set_road(TraceRoad::Soft);
    g.write(0xc0202010, 3, kSupervisor);
    g.guest_store32(0x202010, 4);
    using H = decltype(heard)::value_type;
    CHECK(heard == decltype(heard){H{0x202010, 1, 2, TraceRoad::Interpreter}, H{0x202010, 2, 3, TraceRoad::Soft},
                                   H{0x202010, 3, 4, TraceRoad::Dma}});
    CHECK(g.read(0x402010) == 4);
    trace.reset();
    g.write(0x402010, 5);
    CHECK(g.write_hits(0x402010, kUser));
}

TEST_CASE("A and D bits set in a page that is watched as code are heard, but by no page-table trace") {
    Paged g;
    int heard = 0;
    auto code = g.tracer.memory_trace(GuestPhys(kPt), kPageSize, TraceKind::Code, [&](const TraceWrite&) { ++heard; });
    g.write(0x401000, 1);
    CHECK(heard == 1);
    g.write(0x401000, 2);
    CHECK(heard == 1);
    CHECK(g.write_hits(0x401000, kUser));
}

TEST_CASE("coming back to a known CR3 finds its view, kept true by traces") {
    Paged g;
    g.write(0x401000, 1);
    g.write(0x402000, 1);
    CHECK(g.tracer.traced(GuestPhys(kPt)));
    CHECK(g.tracer.traced(GuestPhys(kPd)));
    g.load_cr3(kPd2);
    CHECK(g.read(0x401000) == 0x301000);
    g.guest_store32(kPt + 4, 0x205000 | P | W | U);
    g.load_cr3(kPd);
    CHECK(g.memory.counts().cr3_known == 1);
    CHECK(g.write_hits(0x402000, kUser));
    CHECK_FALSE(g.read_hits(0x401000, kUser));
    CHECK(g.read(0x401000) == 0x205000);
}

TEST_CASE("what a page-table write costs: losses only") {
    Paged g;
    g.write(0x401000, 1);
    const uint32_t entry = g.peek<uint32_t>(kPt + 4);
    SECTION("setting a software bit costs nothing") {
        g.guest_store32(kPt + 4, entry | 0x200);
        CHECK(g.write_hits(0x401000, kUser));
    }
    SECTION("write protection takes writing only") {
        g.guest_store32(kPt + 4, entry & ~W);
        CHECK(g.read_hits(0x401000, kUser));
        CHECK_FALSE(g.write_hits(0x401000, kUser));
        CHECK(fault_of([&] { g.write(0x401000, 2); }) == GuestFault::page(GuestVirt(0x401000), 7));
    }
    SECTION("clearing A makes the next access set it") {
        g.guest_store32(kPt + 4, entry & ~A);
        g.read(0x401000);
        CHECK(g.peek<uint32_t>(kPt + 4) == entry);
    }
    SECTION("clearing D makes the next write set it") {
        g.guest_store32(kPt + 4, entry & ~D);
        g.write(0x401000, 3);
        CHECK(g.peek<uint32_t>(kPt + 4) == entry);
    }
    SECTION("a cleared directory entry takes its pages, and its table is an ordinary page again") {
        g.guest_store32(kPd + 4, 0);
        CHECK_FALSE(g.read_hits(0x401000, kUser));
        CHECK_FALSE(g.tracer.traced(GuestPhys(kPt)));
        CHECK_FALSE(g.tracer.traced(GuestPhys(kPd)));
    }
    SECTION("a write of part of an entry") {
        const uint8_t zero = 0;
        g.memory.dma_write(GuestPhys(kPt + 4), {&zero, 1});
        CHECK_FALSE(g.read_hits(0x401000, kUser));
    }
    SECTION("a write of the whole page by DMA") {
        std::vector<uint8_t> zero(kPageSize);
        g.memory.dma_write(GuestPhys(kPt), zero);
        CHECK_FALSE(g.read_hits(0x401000, kUser));
    }
}

TEST_CASE("a directory that is its own page table") {
    Paged g;
    g.guest_store32(kPd + 0x200 * 4, kPd | P | W | U);  // linear 0x80000000: the tables; 0x80200000: the directory
    CHECK(g.read(0x80200004) == g.peek<uint32_t>(kPd + 4));
    CHECK(g.read(0x80001000) == g.peek<uint32_t>(kPt));
    g.write(0x80200004, 0);  // the guest clears a directory entry through it
    CHECK(fault_of([&] { g.read(0x401000); }));
    g.write(0x80200000 + 0x200 * 4, 0);
    CHECK(fault_of([&] { g.read(0x80200004); }));
    CHECK_FALSE(g.tracer.traced(GuestPhys(kPd)));
}

TEST_CASE("the supervisor view keeps global pages over a CR3 load and drops the rest") {
    Paged g;
    g.read(0xc0200000, kSupervisor);
    g.read(0x401000, kSupervisor);
    g.load_cr3(kPd2);
    CHECK(g.read_hits(0xc0200000, kSupervisor));
    CHECK_FALSE(g.read_hits(0x401000, kSupervisor));
    CHECK(g.read(0x401000, kSupervisor) == 0x301000);
}

TEST_CASE("INVLPG drops one page, or every part of a large page") {
    Paged g;
    g.read(0xc0200000, kSupervisor);
    g.read(0xc0201000, kSupervisor);
    g.read(0x401000, kSupervisor);
    g.read(0x402000, kSupervisor);
    g.memory.invalidate_page(GuestVirt(0xc0300000));
    CHECK_FALSE(g.read_hits(0xc0200000, kSupervisor));
    CHECK_FALSE(g.read_hits(0xc0201000, kSupervisor));
    g.read(0xc0200000, kSupervisor);
    g.memory.invalidate_page(GuestVirt(0xc0100000));
    CHECK_FALSE(g.read_hits(0xc0200000, kSupervisor));
    g.memory.invalidate_page(GuestVirt(0x401fff));
    CHECK_FALSE(g.read_hits(0x401000, kSupervisor));
    CHECK(g.read_hits(0x402000, kSupervisor));
}

TEST_CASE("turning PGE off and on flushes global pages; user views stay, being true") {
    Paged g;
    g.read(0xc0200000, kSupervisor);
    g.read(0x401000);
    g.cpu.cr4 &= ~cr4::PGE;
    g.memory.paging_mode_changed();
    CHECK_FALSE(g.read_hits(0xc0200000, kSupervisor));
    CHECK(g.read_hits(0x401000, kUser));
}

TEST_CASE("more address spaces than views: the oldest is forgotten, and its tables are ordinary pages") {
    Paged g;
    g.read(0x401000);
    for (uint32_t i = 0; i < 40; ++i) {
        const uint32_t pd = 0x800000 + i * 0x2000, pt = pd + 0x1000;
        g.poke(pd + 4, pt | P | W | U);
        g.poke(pt + 4, 0x300000 | P | W | U);
        g.load_cr3(pd);
        CHECK(g.read(0x401000) == 0x300000);
    }
    CHECK(g.memory.counts().views_evicted == 40 + 1 - 31);
    CHECK_FALSE(g.tracer.traced(GuestPhys(kPt)));
    g.load_cr3(kPd);
    CHECK(g.read(0x401000) == 0x201000);
}

TEST_CASE("code whose mapping changes empties the jump cache and is told") {
    Paged g;
    const GuestVirt at(0x403010);
    const auto enter = [&](Privilege p) {
        g.memory.note_code_page(at, p, std::get<Mapping>(g.memory.code_mapping(at, p)));
        g.memory.view(p).jumps.negated_eip[JumpCache::index(at.value)] = 0u - at.value;
    };
    const auto entered = [&](Privilege p) {
        return g.memory.view(p).jumps.negated_eip[JumpCache::index(at.value)] == 0u - at.value;
    };
    g.listener = {};
    SECTION("by a page-table write in the current space") {
        enter(kUser);
        g.guest_store32(kPt + 12, 0x204000 | P | U);
        CHECK_FALSE(entered(kUser));
        CHECK(g.listener.code[1] == 1);
    }
    SECTION("a change of another page is no matter") {
        enter(kUser);
        g.read(0x404000);
        g.guest_store32(kPt + 16, 0);
        CHECK(entered(kUser));
        CHECK(g.listener.code[1] == 0);
    }
    SECTION("in another space: emptied for when it comes back, nobody told") {
        enter(kUser);
        g.load_cr3(kPd2);
        CHECK(g.listener.views[static_cast<size_t>(kUser)] == 1);
        CHECK_FALSE(entered(kUser));
        g.guest_store32(kPt + 12, 0x204000 | P | U);
        CHECK(g.listener.code[1] == 0);
        g.load_cr3(kPd);
        CHECK_FALSE(entered(kUser));
    }
    SECTION("kept for its space") {
        enter(kUser);
        g.load_cr3(kPd2);
        g.load_cr3(kPd);
        CHECK(entered(kUser));
        CHECK(g.listener.code[1] == 0);
    }
    SECTION("non-global code run by the supervisor goes with a CR3 load") {
        enter(kSupervisor);
        g.load_cr3(kPd2);
        CHECK_FALSE(entered(kSupervisor));
        CHECK(g.listener.code_page[0] == 1);
    }
    SECTION("INVLPG of code that did not move is no matter") {
        enter(kSupervisor);
        g.memory.invalidate_page(at);
        CHECK(entered(kSupervisor));
        g.poke(kPt + 12, 0);
        g.memory.invalidate_page(at);
        CHECK_FALSE(entered(kSupervisor));
        CHECK(g.listener.code_page[0] == 1);
    }
    SECTION("what moves takes its own jumps along, and those of the page before") {
        enter(kSupervisor);
        auto& jumps = g.memory.view(kSupervisor).jumps;
        const GuestVirt others[] = {GuestVirt(0x402ffe), GuestVirt(0x401800), GuestVirt(0x404000)};
        for (const GuestVirt other : others) {
            g.memory.note_code_page(other, kSupervisor, std::get<Mapping>(g.memory.code_mapping(other, kSupervisor)));
            jumps.negated_eip[JumpCache::index(other.value)] = 0u - other.value;
        }
        g.poke(kPt + 12, 0x204000 | P | W | U);
        g.memory.invalidate_page(at);
        CHECK_FALSE(entered(kSupervisor));
        const auto holds = [&](GuestVirt a) { return jumps.negated_eip[JumpCache::index(a.value)] == 0u - a.value; };
        CHECK_FALSE(holds(others[0]));
        CHECK(holds(others[1]));
        CHECK(holds(others[2]));
        CHECK(g.listener.code_page[0] == 1);
        CHECK(g.listener.code[0] == 0);
    }
}

TEST_CASE("without global pages each space has a supervisor view of its own") {
    Paged g;
    g.set_mode(kPagedWp, cr4::PSE, kPd);
    g.load_cr3(kPd);
    const GuestVirt code(0x403010);
    const auto enter = [&] {
        g.memory.note_code_page(code, kSupervisor, std::get<Mapping>(g.memory.code_mapping(code, kSupervisor)));
        g.memory.view(kSupervisor).jumps.negated_eip[JumpCache::index(code.value)] = 0u - code.value;
    };
    const auto entered = [&] {
        return g.memory.view(kSupervisor).jumps.negated_eip[JumpCache::index(code.value)] == 0u - code.value;
    };
    CHECK(g.read(0x401000, kSupervisor) == 0x201000);
    g.write(0x402000, 7, kSupervisor);
    g.read(0xc0005000, kSupervisor);
    enter();
    g.listener = {};
    const auto away_and_back = [&](auto what) {
        g.load_cr3(kPd2);
        CHECK_FALSE(g.read_hits(0x401000, kSupervisor));
        CHECK(g.read(0x401000, kSupervisor) == 0x301000);
        CHECK_FALSE(entered());
        CHECK(g.memory.audit() == "");
        what();
        g.load_cr3(kPd);
        CHECK(g.memory.audit() == "");
    };
    SECTION("which is as it was when it is back") {
        away_and_back([] {});
        CHECK(g.read_hits(0x401000, kSupervisor));
        CHECK(g.read_hits(0xc0005000, kSupervisor));
        CHECK(g.write_hits(0x402000, kSupervisor));
        CHECK(entered());
        CHECK(g.listener.code[0] == 0);
        CHECK(g.listener.views[0] == 2);
    }
    SECTION("but for what changed meanwhile") {
        away_and_back([&] {
            g.guest_store32(kPt + 4, 0x205000 | P | W | U);
            g.guest_store32(kPt + 12, 0x206000 | P | W | U);
        });
        CHECK(g.read(0x401000, kSupervisor) == 0x205000);
        CHECK_FALSE(entered());
        CHECK(g.listener.code[0] == 0);
    }
    SECTION("and for what is traced now") {
        Trace trace;
        away_and_back([&] { trace = g.tracer.memory_trace(GuestPhys(0x202000), 4, TraceKind::Code, [](const TraceWrite&) {}); });
        CHECK_FALSE(g.write_hits(0x402000, kSupervisor));
        CHECK(g.read_hits(0x402000, kSupervisor));
    }
    SECTION("in which a change of the current space's tables is told") {
        g.guest_store32(kPt + 12, 0x206000 | P | W | U);
        CHECK_FALSE(entered());
        CHECK(g.listener.code[0] == 1);
    }
    SECTION("and CR0.WP counts in all of them") {
        g.guest_store32(kPt + 8, 0x202000 | P | U);
        g.cpu.cr0 &= ~cr0::WP;
        g.memory.paging_mode_changed();
        g.write(0x402000, 7, kSupervisor);
        away_and_back([&] {
            g.cpu.cr0 |= cr0::WP;
            g.memory.paging_mode_changed();
        });
        CHECK(fault_of([&] { g.write(0x402000, 8, kSupervisor); }));
        CHECK(entered());
    }
    SECTION("until there are some") {
        g.cpu.cr4 |= cr4::PGE;
        g.memory.paging_mode_changed();
        CHECK(g.listener.code[0] == 1);
        CHECK(g.listener.views[0] == 1);
        CHECK_FALSE(entered());
        g.read(0xc0005000, kSupervisor);
        g.load_cr3(kPd2);
        CHECK(g.read_hits(0xc0005000, kSupervisor));
        CHECK(g.listener.views[0] == 1);
    }
}

TEST_CASE("global pages are away from the load of CR3 on that finds CR4.PGE clear") {
    Paged g;
    g.read(0xc0005000, kSupervisor);
    g.cpu.cr4 &= ~cr4::PGE;
    g.memory.paging_mode_changed();
    g.listener = {};
    g.read(0xc0005000, kSupervisor);
    g.read(0x401000, kSupervisor);
    g.load_cr3(kPd);
    CHECK_FALSE(g.read_hits(0xc0005000, kSupervisor));
    CHECK(g.listener.code[0] == 1);
    CHECK(g.listener.views[0] == 1);
    CHECK(g.memory.audit() == "");
    g.cpu.cr4 |= cr4::PGE;
    g.memory.paging_mode_changed();
    CHECK(g.read(0x401000, kSupervisor) == 0x201000);
    g.load_cr3(kPd2);
    CHECK(g.read(0x401000, kSupervisor) == 0x301000);
    CHECK(g.memory.audit() == "");
}

TEST_CASE("fetch stops at the page that cannot be fetched from") {
    Paged g;
    uint8_t bytes[15];
    CHECK(g.memory.fetch(GuestVirt(0x40fffa), bytes, kUser) == 6);
    CHECK(g.memory.fetch(GuestVirt(0x40f000), bytes, kUser) == 15);
    CHECK(fault_of([&] { g.memory.fetch(GuestVirt(0x410000), bytes, kUser); }) ==
          GuestFault::page(GuestVirt(0x410000), kPfUser));
}

TEST_CASE("PAE: an NX page cannot be fetched from though it is cached for reading") {
    Guest g;
    g.poke<uint64_t>(0x100000, 0x101000 | P);
    g.poke<uint64_t>(0x101000, 0x102000 | P | W | U);
    g.poke<uint64_t>(0x102000, 0x200000 | P | W | U | NX);
    g.set_mode(kPagedWp, cr4::PAE, 0x100000, efer::NXE);
    g.memory.read<uint32_t>(GuestVirt(0), kUser);
    uint8_t bytes[4];
    CHECK(fault_of([&] { g.memory.fetch(GuestVirt(0), bytes, kUser); }) ==
          GuestFault::page(GuestVirt(0), kPfPresent | kPfUser | kPfFetch));
}

TEST_CASE("PAE: directory pointers count as they were when CR3 was loaded") {
    Guest g;
    g.poke<uint64_t>(0x100000, 0x101000 | P);
    for (uint32_t pd : {0x101000, 0x103000}) g.poke<uint64_t>(pd, (pd + 0x1000) | P | W | U);
    g.poke<uint64_t>(0x102000, 0x200000 | P | U);
    g.poke<uint64_t>(0x104000, 0x300000 | P | U);
    g.poke<uint32_t>(0x200000, 2);
    g.poke<uint32_t>(0x300000, 3);
    g.set_mode(kPagedWp, cr4::PAE, 0x100000);
    CHECK(g.memory.read<uint32_t>(GuestVirt(0), kUser) == 2);
    g.poke<uint64_t>(0x100000, 0x103000 | P);
    CHECK(g.memory.read<uint32_t>(GuestVirt(0), kUser) == 2);
    g.load_cr3(0x100000);
    CHECK(g.memory.read<uint32_t>(GuestVirt(0), kUser) == 3);
    CHECK_FALSE(g.tracer.traced(GuestPhys(0x101000)));
    std::array<uint64_t, 4> pdpte{};
    g.poke<uint64_t>(0x100008, 0x103000 | P | W);
    CHECK_FALSE(g.memory.load_pdptes(0x100000, pdpte));
    CHECK(pdpte[0] == 0);
    CHECK_FALSE(g.memory.load_pdptes(0xf0000000, pdpte));
}

TEST_CASE("page tables outside RAM read as all ones") {
    Guest g;
    g.set_mode(kPagedWp, 0, 0x70000000);
    CHECK(g.memory.read<uint32_t>(GuestVirt(0x1234), kUser) == 0x44332211);
    CHECK(g.device.log.back() == std::tuple{'r', uint64_t{0xfffff234}, 4u, uint64_t{0}});
    g.set_mode(kPagedWp, cr4::PSE, 0x70000000);
    CHECK(fault_of([&] { g.memory.read<uint32_t>(GuestVirt(0x1234), kUser); }) ==
          GuestFault::page(GuestVirt(0x1234), kPfPresent | kPfUser | kPfReserved));
}

TEST_CASE("DMA outside RAM reads ones, swallows writes, and says so") {
    Guest g;
    std::vector<uint8_t> bytes(8);
    CHECK(g.memory.dma_read(GuestPhys(0x1000), bytes));
    CHECK_FALSE(g.memory.dma_read(GuestPhys(0x9fffc), bytes));
    CHECK(bytes == std::vector<uint8_t>{0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff});
    CHECK_FALSE(g.memory.dma_write(GuestPhys(Guest::kBytes - 4), bytes));
    CHECK(g.peek<uint32_t>(Guest::kBytes - 4) == 0);
}

TEST_CASE("a look by the debugger leaves no mark") {
    Paged g;
    CHECK(g.memory.debug_translate(GuestVirt(0x401234)) == GuestPhys(0x201234));
    CHECK_FALSE(g.memory.debug_translate(GuestVirt(0x410000)));
    std::vector<uint8_t> bytes(4);
    CHECK(g.memory.debug_read(GuestVirt(0x401234), bytes));
    CHECK(bytes[1] == 0x12);
    CHECK_FALSE(g.memory.debug_read(GuestVirt(0x40fffe), bytes));
    CHECK(g.peek<uint32_t>(kPt + 4) == (0x201000 | P | W | U));
}
