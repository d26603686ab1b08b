// Tests of the page walk: permissions, error codes, reserved bits, A and D, in both formats.
#include "shadowmmu/page_walk.h"

#include <catch2/catch.hpp>

#include "test/unit/shadowmmu/fixture.h"

using namespace ringfold;
using namespace ringfold::test;

namespace {

struct Tables : PageTableAccess {
    std::map<uint64_t, uint64_t> entry;
    uint64_t read_entry(GuestPhys a, unsigned) override { return entry.contains(a.value) ? entry[a.value] : 0; }
    void set_entry_bits(GuestPhys a, unsigned, uint64_t bits) override { entry[a.value] |= bits; }
};

constexpr uint32_t kPd = 0x1000, kPt = 0x2000;
const GuestVirt kAt{0x00403123};  // directory entry 1, table entry 3

struct Plain : Tables {
    CpuState cpu;
    Plain(uint32_t pde, uint32_t pte, uint32_t control0 = kPagedWp, uint32_t control4 = 0) {
        cpu.cr0 = control0, cpu.cr3 = kPd, cpu.cr4 = control4;
        entry[kPd + 4] = pde, entry[kPt + 12] = pte;
    }
    auto walk(Access a, Privilege p, bool update = true) { return page_walk(*this, cpu, kAt, a, p, update); }
    uint32_t fault(Access a, Privilege p) {
        const auto answer = walk(a, p);
        REQUIRE(std::holds_alternative<PageFault>(answer));
        return std::get<PageFault>(answer).error_code;
    }
    Mapping mapping(Access a, Privilege p) {
        const auto answer = walk(a, p);
        REQUIRE(std::holds_alternative<Mapping>(answer));
        return std::get<Mapping>(answer);
    }
};

struct Pae : Plain {
    Pae(uint64_t pde, uint64_t pte, uint64_t efer = efer::NXE) : Plain(0, 0, kPagedWp, cr4::PAE) {
        cpu.efer = efer;
        cpu.pdpte[0] = 0x1000 | P;
        entry.clear();
        entry[0x1000 + 2 * 8] = pde;
        entry[0x2000 + 3 * 8] = pte;
    }
};

}  // namespace

TEST_CASE("paging off maps every address to itself") {
    Tables none;
    CpuState cpu;
    const auto m = std::get<Mapping>(page_walk(none, cpu, GuestVirt(0xfedcba98), Access::Write, kUser));
    CHECK(m.physical.value == 0xfedcba98);
    CHECK((m.writable && m.user && m.executable && m.global && m.dirty));
    CHECK(m.levels == 0);
}

TEST_CASE("a permitted walk answers the mapping and sets A and D") {
    Plain t(kPt | P | W | U, 0x7000 | P | W | U);
    auto m = t.mapping(Access::Read, kUser);
    CHECK(m.physical.value == 0x7123);
    CHECK(m.page_bytes == kPageSize);
    CHECK((m.writable && m.user && m.executable && !m.global && !m.dirty));
    CHECK(m.levels == 2);
    CHECK(m.entry[0].value == kPd + 4);
    CHECK(m.entry[1].value == kPt + 12);
    CHECK(t.entry[kPd + 4] == (kPt | P | W | U | A));
    CHECK(t.entry[kPt + 12] == (0x7000 | P | W | U | A));
    m = t.mapping(Access::Write, kUser);
    CHECK(m.dirty);
    CHECK(t.entry[kPd + 4] == (kPt | P | W | U | A));
    CHECK(t.entry[kPt + 12] == (0x7000 | P | W | U | A | D));
}

TEST_CASE("a look leaves A and D alone") {
    Plain t(kPt | P | W | U, 0x7000 | P | W | U);
    const auto m = std::get<Mapping>(t.walk(Access::Write, kUser, false));
    CHECK_FALSE(m.dirty);
    CHECK(t.entry[kPt + 12] == (0x7000 | P | W | U));
}

TEST_CASE("error codes of a page that is not present, at either level") {
    for (auto [pde, pte] : {std::pair<uint32_t, uint32_t>{0, 0}, {kPt | P | W | U, W | U | 0x7000}}) {
        Plain t(pde, pte);
        CHECK(t.fault(Access::Read, kSupervisor) == 0);
        CHECK(t.fault(Access::Write, kSupervisor) == kPfWrite);
        CHECK(t.fault(Access::Read, kUser) == kPfUser);
        CHECK(t.fault(Access::Write, kUser) == (kPfWrite | kPfUser));
        CHECK(t.fault(Access::Execute, kUser) == kPfUser);  // no NX: fetches look like reads
        CHECK(t.entry[kPd + 4] == pde);                     // A stays clear
    }
}

TEST_CASE("permissions combine over the levels, and WP binds the supervisor") {
    struct Row {
        uint32_t pde, pte;
        bool user_read, user_write, wp_write;
    };
    for (const Row& row :
         {Row{U | W, U | W, true, true, true}, Row{U | W, U, true, false, false}, Row{U, U | W, true, false, false},
          Row{U | W, W, false, false, true}, Row{W, U | W, false, false, true}, Row{U, 0, false, false, false}}) {
        const uint32_t pde = kPt | P | row.pde, pte = 0x7000 | P | row.pte;
        const auto ok = [&](uint32_t control0, Access a, Privilege p) {
            Plain t(pde, pte, control0);
            const bool mapped = std::holds_alternative<Mapping>(t.walk(a, p));
            if (!mapped) {
                CHECK(t.fault(a, p) == (kPfPresent | (a == Access::Write ? kPfWrite : 0) | (p == kUser ? kPfUser : 0)));
                CHECK(t.entry[kPt + 12] == pte);
            }
            return mapped;
        };
        CHECK(ok(kPagedWp, Access::Read, kUser) == row.user_read);
        CHECK(ok(kPagedWp, Access::Execute, kUser) == row.user_read);
        CHECK(ok(kPagedWp, Access::Write, kUser) == row.user_write);
        CHECK(ok(kPaged, Access::Write, kUser) == row.user_write);
        CHECK(ok(kPagedWp, Access::Read, kSupervisor));
        CHECK(ok(kPagedWp, Access::Write, kSupervisor) == row.wp_write);
        CHECK(ok(kPaged, Access::Write, kSupervisor));
    }
}

TEST_CASE("4 MiB pages: only with PSE, bits 13 to 21 reserved") {
    Plain large(0x00c00000 | PS | P | W | U, 0, kPagedWp, cr4::PSE);
    auto m = large.mapping(Access::Write, kUser);
    CHECK(m.physical.value == 0x00c03123);
    CHECK(m.page_bytes == 1u << 22);
    CHECK(m.levels == 1);
    CHECK(large.entry[kPd + 4] == (0x00c00000 | PS | P | W | U | A | D));

    Plain ignored(kPt | PS | P | W | U, 0x7000 | P | W | U);
    CHECK(ignored.mapping(Access::Read, kUser).physical.value == 0x7123);

    for (unsigned bit = 13; bit <= 21; ++bit) {
        Plain reserved(0x00c00000 | (1u << bit) | PS | P | W | U, 0, kPagedWp, cr4::PSE);
        CHECK(reserved.fault(Access::Write, kUser) == (kPfPresent | kPfReserved | kPfWrite | kPfUser));
    }
    Plain pat(0x00c01000 | PS | P, 0, kPagedWp, cr4::PSE);
    CHECK(pat.mapping(Access::Read, kSupervisor).physical.value == 0x00c03123);
}

TEST_CASE("global needs PGE, and counts at the leaf only") {
    CHECK_FALSE(Plain(kPt | P, 0x7000 | P | G).mapping(Access::Read, kSupervisor).global);
    CHECK(Plain(kPt | P, 0x7000 | P | G, kPaged, cr4::PGE).mapping(Access::Read, kSupervisor).global);
    CHECK_FALSE(Plain(kPt | P | G, 0x7000 | P, kPaged, cr4::PGE).mapping(Access::Read, kSupervisor).global);
}

TEST_CASE("PAE: 36-bit addresses, 2 MiB pages, NX") {
    // kAt is directory entry 2 (2 MiB each), table entry 3.
    Pae t(0x2000 | P | W | U, 0xf12345000 | P | W | U | NX);
    auto m = t.mapping(Access::Write, kUser);
    CHECK(m.physical.value == 0xf12345123);
    CHECK_FALSE(m.executable);
    CHECK(t.entry[0x2018] == (0xf12345000 | P | W | U | NX | A | D));
    CHECK(t.fault(Access::Execute, kUser) == (kPfPresent | kPfUser | kPfFetch));

    Pae nx_above(0x2000 | P | W | U | NX, 0x7000 | P | W | U);
    CHECK(nx_above.fault(Access::Execute, kSupervisor) == (kPfPresent | kPfFetch));

    Pae large(0x00c00000 | PS | P | W | U, 0);
    m = large.mapping(Access::Read, kUser);
    CHECK(m.physical.value == 0x00c03123);
    CHECK(m.page_bytes == 1u << 21);

    Pae absent(0x2000 | P | W | U, 0);
    CHECK(absent.fault(Access::Execute, kUser) == (kPfUser | kPfFetch));
    absent.cpu.pdpte[0] = 0;
    CHECK(absent.fault(Access::Read, kUser) == kPfUser);
}

TEST_CASE("PAE reserved bits") {
    const uint32_t code = kPfPresent | kPfReserved;
    CHECK(Pae(0x2000 | P | NX, 0x7000 | P, 0).fault(Access::Read, kSupervisor) == code);
    CHECK(Pae(0x2000 | P, 0x7000 | P | NX, 0).fault(Access::Read, kSupervisor) == code);
    for (unsigned bit = 36; bit < 63; ++bit) {
        CHECK(Pae(0x2000 | P | uint64_t{1} << bit, 0x7000 | P).fault(Access::Read, kSupervisor) == code);
        CHECK(Pae(0x2000 | P, 0x7000 | P | uint64_t{1} << bit).fault(Access::Read, kSupervisor) == code);
    }
    for (unsigned bit = 13; bit < 21; ++bit)
        CHECK(Pae(0x00c00000 | PS | P | 1u << bit, 0).fault(Access::Read, kSupervisor) == code);
    // A reserved bit in a directory entry is met before the missing table entry.
    CHECK(Pae(0x2000 | P | uint64_t{1} << 40, 0).fault(Access::Read, kSupervisor) == code);
}

TEST_CASE("the closed A20 gate clears bit 20 of what is mapped, and of the tables' addresses") {
    Tables none;
    CpuState cpu;
    cpu.address_mask = ~kA20;
    const auto physical = [&](Tables& tables, uint32_t a) {
        return std::get<Mapping>(page_walk(tables, cpu, GuestVirt(a), Access::Read, kSupervisor)).physical.value;
    };
    CHECK(physical(none, 0x00100123) == 0x123);
    CHECK(physical(none, 0x00300123) == 0x200123);
    Tables paged;  // the directory's address has bit 20 set, the table's and the page's too
    cpu.cr0 = kPagedWp, cpu.cr3 = 0x101000;
    paged.entry[kPd + 4] = 0x102000 | P | W;
    paged.entry[kPt + 12] = 0x705000 | P | W;
    CHECK(physical(paged, kAt.value) == 0x605123);
    CHECK((paged.entry[kPt + 12] & 0x20));  // A, at the masked address
}
