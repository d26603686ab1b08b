// Tables that are written lose their traces; INVLPG and CR3 loads find out what changed.
#include <catch2/catch.hpp>

#include "test/unit/shadowmmu/paged.h"

using namespace ringfold;
using namespace ringfold::test;

namespace {

constexpr uint32_t kEntry1 = kPt + 4, kEntry2 = kPt + 8;  // of linear 0x401000 and 0x402000

struct LetGo : Paged {
    LetGo() {
        read(0x401000);
        let_go(kPt);
    }
    // Stores to an entry that nobody uses until nobody hears them.
    void let_go(uint32_t table) {
        for (int i = 0; i < 8 && tracer.traced(GuestPhys(table)); ++i) guest_store32(table + 0xffc, 0);
        REQUIRE_FALSE(tracer.traced(GuestPhys(table)));
    }
    void check() { REQUIRE(memory.audit() == ""); }
};

}  // namespace

TEST_CASE("a table that is written again and again is written inline, but not in windows") {
    LetGo g;
    CHECK(g.memory.counts().tables_let_go == 1);
    g.write(0xc0000000 + kEntry1, g.peek<uint32_t>(kEntry1), kSupervisor);
    CHECK(g.write_hits(0xc0000000 + kEntry1, kSupervisor));
    GuestFault fault{};
    CHECK(g.memory.fill_window(GuestVirt(0xc0000000 + kEntry1), Access::Write, kSupervisor, &fault) == Fill::Special);
    CHECK(g.memory.fill_window(GuestVirt(0xc0000000 + kEntry1), Access::Read, kSupervisor, &fault) == Fill::Ram);
    g.check();
}

TEST_CASE("directories are always traced") {
    Paged g;
    g.read(0x401000);
    for (int i = 0; i < 20; ++i) g.guest_store32(kPd + 0x80, 0);
    CHECK(g.tracer.traced(GuestPhys(kPd)));
    SECTION("a table that becomes one is traced again") {
        LetGo h;
        h.guest_store32(kEntry1, 0);
        h.guest_store32(kPd2 + 4, kPt2 | P | W | U);
        h.load_cr3(kPt);  // its entry 2 names a data page as a table
        h.poke(0x202004, 0x205000 | P | W | U);
        CHECK(h.read(0x801000) == 0x205000);
        CHECK(h.tracer.traced(GuestPhys(kPt)));
        h.check();
    }
}

TEST_CASE("INVLPG finds what changed in its entry") {
    LetGo g;
    g.read(0x402000);
    g.read(0x401000, kSupervisor);
    g.guest_store32(kEntry1, 0x205000 | P | U);
    g.guest_store32(kEntry2, 0x206000 | P | U);
    CHECK(g.read_hits(0x401000, kUser));  // stale, as hardware may be
    g.check();
    g.memory.invalidate_page(GuestVirt(0x401abc));
    CHECK(g.read(0x401000) == 0x205000);
    CHECK(g.read(0x401000, kSupervisor) == 0x205000);
    g.memory.invalidate_page(GuestVirt(0x402000));
    CHECK(g.read(0x402000) == 0x206000);
    g.check();
}

TEST_CASE("a CR3 load finds what changed, in the space that it selects") {
    LetGo g;
    const uint32_t next = GENERATE(kPd, kPd2);
    g.guest_store32(kEntry1, 0x205000 | P | U);
    g.load_cr3(next);
    g.check();
    CHECK(g.read(0x401000) == (next == kPd ? 0x205000 : 0x301000));
    g.load_cr3(kPd);
    CHECK(g.read(0x401000) == 0x205000);
    g.check();
}

TEST_CASE("a mapping that came and went unheard is not relied on") {
    LetGo g;
    const GuestVirt at(0x407000);
    g.guest_store32(kPt + 28, 0);
    g.load_cr3(kPd);  // known: not present
    g.guest_store32(kPt + 28, 0x205000 | P | W | U);
    CHECK(g.read(at.value) == 0x205000);
    g.guest_store32(kPt + 28, 0x206000 | P | W | U);
    g.memory.invalidate_page(at);
    CHECK(g.read(at.value) == 0x206000);
    SECTION("nor is one that a window took in with its neighbour") {
        g.guest_store32(kPt + 32, 0);
        g.load_cr3(kPd);
        g.guest_store32(kPt + 32, 0x207000 | P | W | U | A);
        GuestFault fault{};
        REQUIRE(g.memory.fill_window(at, Access::Read, kUser, &fault) == Fill::Ram);
        g.guest_store32(kPt + 32, 0x209000 | P | W | U | A);
        g.load_cr3(kPd);
        g.check();
    }
}

TEST_CASE("A and D cleared unheard are set again behind INVLPG") {
    LetGo g;
    g.write(0x401000, 1);
    const uint32_t cleared = GENERATE(as<uint32_t>{}, A, D, A | D);
    g.guest_store32(kEntry1, g.peek<uint32_t>(kEntry1) & ~cleared);
    g.memory.invalidate_page(GuestVirt(0x401000));
    g.write(0x401000, 2);
    CHECK((g.peek<uint32_t>(kEntry1) & (A | D)) == (A | D));
    g.check();
}

TEST_CASE("two spaces share a table: a change that one finds is the other's too") {
    LetGo g;
    g.poke(kPd2 + 4, kPt | P | W | U);
    g.load_cr3(kPd2);
    CHECK(g.read(0x401000) == 0x201000);
    g.guest_store32(kEntry1, 0x205000 | P | U);
    g.memory.invalidate_page(GuestVirt(0x401000));
    CHECK(g.read(0x401000) == 0x205000);
    g.guest_store32(kEntry1, 0x206000 | P | U);
    g.load_cr3(kPd);
    CHECK(g.read(0x401000) == 0x206000);
    g.load_cr3(kPd2);
    CHECK(g.read(0x401000) == 0x206000);
    g.check();
}

TEST_CASE("code on a page that an unheard change moved is found at INVLPG") {
    LetGo g;
    const GuestVirt at(0x403010);
    g.memory.note_code_page(at, kUser, std::get<Mapping>(g.memory.code_mapping(at, kUser)));
    g.listener = {};
    g.guest_store32(kPt + 12, 0x204000 | P | U);
    CHECK(g.listener.code[1] == 0);
    g.memory.invalidate_page(at);
    CHECK(g.listener.code[1] == 1);
    g.check();
}

TEST_CASE("a table that becomes code has its writes heard, and stays true") {
    LetGo g;
    g.write(0xc0000000 + kEntry1, g.peek<uint32_t>(kEntry1), kSupervisor);
    int heard = 0;
    auto code = g.tracer.memory_trace(GuestPhys(kPt), kPageSize, TraceKind::Code, [&](const TraceWrite&) { ++heard; });
    CHECK_FALSE(g.write_hits(0xc0000000 + kEntry1, kSupervisor));
    g.write(0xc0000000 + kEntry1, 0x205000 | P | U, kSupervisor);
    CHECK(heard == 1);
    g.memory.invalidate_page(GuestVirt(0x401000));
    CHECK(g.read(0x401000) == 0x205000);
    g.check();
}

TEST_CASE("a table that nobody writes any more is traced again") {
    LetGo g;
    g.write(0xc0000000 + kEntry1, 0x205000 | P | U, kSupervisor);
    for (int i = 0; i < 5; ++i) g.load_cr3(kPd);
    CHECK(g.tracer.traced(GuestPhys(kPt)));
    CHECK_FALSE(g.write_hits(0xc0000000 + kEntry1, kSupervisor));
    CHECK(g.memory.counts().tables_traced_again == 1);
    CHECK(g.read(0x401000) == 0x205000);
    const uint64_t compared = g.memory.counts().tables_compared;
    g.load_cr3(kPd);
    CHECK(g.memory.counts().tables_compared == compared);
    g.check();
}

TEST_CASE("a table that leaves its address space is an ordinary page again") {
    LetGo g;
    g.guest_store32(kPd + 4, 0);
    GuestFault fault{};
    CHECK(g.memory.fill_window(GuestVirt(0xc0000000 + kPt), Access::Write, kSupervisor, &fault) == Fill::Ram);
    g.check();
}

TEST_CASE("more tables are written than may be unsynchronised: the first are traced again") {
    LetGo g;
    constexpr uint32_t kTables = 0x600000, kMany = 40;
    for (uint32_t i = 0; i < kMany; ++i) {
        const uint32_t table = kTables + i * kPageSize, linear = (2 + i) << 22;
        g.poke(table, 0x205000 | P | W | U);
        g.guest_store32(kPd + (2 + i) * 4, table | P | W | U);
        CHECK(g.read(linear) == 0x205000);
        g.let_go(table);
        g.guest_store32(table, 0x206000 | P | W | U);
        g.check();
    }
    CHECK(g.memory.counts().tables_traced_again == 1 + kMany - 32);
    CHECK(g.tracer.traced(GuestPhys(kPt)));
    g.load_cr3(kPd);
    for (uint32_t i = 0; i < kMany; ++i) CHECK(g.read((2 + i) << 22) == 0x206000);
    g.check();
}

TEST_CASE("the supervisor finds its non-global pages again when a space comes back, if they are still mapped so") {
    LetGo g;
    g.write(0x402000, 1, kSupervisor);
    g.read(0x403000, kSupervisor);
    g.load_cr3(kPd2);
    CHECK_FALSE(g.read_hits(0x402000, kSupervisor));
    g.read(0x402000, kSupervisor);
    SECTION("unchanged") {
        g.load_cr3(kPd);
        CHECK(g.write_hits(0x402000, kSupervisor));
        CHECK(g.read_hits(0x403000, kSupervisor));
        CHECK(g.read(0x402000, kSupervisor) == 1);
    }
    SECTION("changed meanwhile") {
        g.guest_store32(kEntry2, 0x205000 | P | W);
        g.load_cr3(kPd);
        CHECK_FALSE(g.read_hits(0x402000, kSupervisor));
        CHECK(g.read(0x402000, kSupervisor) == 0x205000);
    }
    SECTION("traced meanwhile") {
        auto code = g.tracer.memory_trace(GuestPhys(0x202000), 4, TraceKind::Code, [](const TraceWrite&) {});
        g.load_cr3(kPd);
        CHECK(g.read_hits(0x402000, kSupervisor));
        CHECK_FALSE(g.write_hits(0x402000, kSupervisor));
    }
    SECTION("protected from the supervisor meanwhile") {
        g.guest_store32(kEntry2, g.peek<uint32_t>(kEntry2) & ~W);
        g.cpu.cr0 |= cr0::WP;
        g.memory.paging_mode_changed();
        g.load_cr3(kPd);
        CHECK(fault_of([&] { g.write(0x402000, 2, kSupervisor); }) == GuestFault::page(GuestVirt(0x402000), 3));
    }
    g.check();
}

TEST_CASE("device memory is known after its first access, until its mapping changes") {
    LetGo g;
    g.poke(kPt + 36, 0xa0000 | P | W | U);
    const GuestVirt at(0x409010);
    CHECK(g.memory.known_device(at, Access::Read, kUser) == GuestMemory::kNoDevice);
    g.read(at.value);
    CHECK(g.memory.known_device(at, Access::Read, kUser) == GuestPhys(0xa0010));
    CHECK(g.memory.known_device(at, Access::Write, kUser) == GuestMemory::kNoDevice);  // D is clear
    g.write(at.value, 1);
    CHECK(g.memory.known_device(at, Access::Write, kUser) == GuestPhys(0xa0010));
    CHECK(g.memory.known_device(at, Access::Read, kSupervisor) == GuestMemory::kNoDevice);
    g.check();
    const uint32_t entry = g.peek<uint32_t>(kPt + 36);
    SECTION("not writable any more") {
        g.guest_store32(kPt + 36, entry & ~W);
        g.memory.invalidate_page(at);
        CHECK(g.memory.known_device(at, Access::Write, kUser) == GuestMemory::kNoDevice);
    }
    SECTION("gone") {
        g.guest_store32(kPt + 36, 0x205000 | P | U);
        g.load_cr3(kPd);
        CHECK(g.memory.known_device(at, Access::Read, kUser) == GuestMemory::kNoDevice);
        CHECK(g.read(at.value) == 0x205010);
    }
    SECTION("a supervisor's goes with its space") {
        g.read(at.value, kSupervisor);
        CHECK(g.memory.known_device(at, Access::Read, kSupervisor) != GuestMemory::kNoDevice);
        g.load_cr3(kPd2);
        CHECK(g.memory.known_device(at, Access::Read, kSupervisor) == GuestMemory::kNoDevice);
    }
    g.check();
}

TEST_CASE("what enters a window with a page is compared first, however far away it lies") {
    LetGo g;
    for (uint32_t n = 0; n < 512; ++n) g.poke(kPt + 4 * n, (0x800000 + 0x1000 * n) | P | W | U | A | D);
    GuestFault fault{};
    CHECK(g.memory.fill_window(GuestVirt(0x464000), Access::Write, kUser, &fault) == Fill::Ram);
    CHECK(g.memory.counts().window_maps == 512);
    g.check();
    // Told by the snapshot from now on: a loss finds its page.
    g.guest_store32(kPt + 4 * 300, 0x205000 | P | W | U);
    g.load_cr3(kPd);
    CHECK(g.memory.counts().window_unmaps == 1);
    g.check();
}
