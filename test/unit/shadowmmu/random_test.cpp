// Random page tables under random accesses, stores to the tables, INVLPGs and CR3 loads: what comes out of the
// views and windows is held against a fresh walk wherever the architecture allows nothing stale, and audit()
// against everything.
#include <random>

#include <catch2/catch.hpp>

#include "test/unit/shadowmmu/fixture.h"
#include "test/unit/shadowmmu/host_access.h"

using namespace ringfold;
using namespace ringfold::test;

namespace {

constexpr uint32_t kTables = 0x100000, kTableCount = 12;  // frames used as page tables of either level
constexpr uint32_t kData = 0x180000, kDataCount = 24;     // frames with data
constexpr uint32_t kDirect = 0xc0000000;                  // the kernel's map of all of these, by a large page
constexpr uint32_t kRoots = 0x1f0000, kRootCount = 3;     // PAE: one page with the PDPTs

struct __attribute__((packed)) Unaligned {
    uint32_t value;
};

// A page-table reader of the model's own.
struct Look : PageTableAccess {
    const Ram& ram;
    explicit Look(const Ram& r) : ram(r) {}
    GuestPhys place(GuestPhys physical) override { return ram.place(physical); }
    uint64_t read_entry(GuestPhys a, unsigned size) override {
        uint64_t value = size == 4 ? 0xffffffff : ~uint64_t{0};
        if (ram.contains(a)) memcpy(&value, ram.host(a), size);
        return value;
    }
    void set_entry_bits(GuestPhys, unsigned, uint64_t) override { FAIL("a look that writes"); }
};

struct Machine : Guest {
    std::mt19937 random;
    const bool pae;
    Look look{ram};
    std::vector<uint32_t> pages;  // the linear pages that are used
    std::vector<std::optional<Mapping>> known[2];
    // May the supervisor's view and window, the user's view, or its window hold something stale by the book?
    bool supervisor_exact = true, user_exact = true, user_window_exact = true;
    std::vector<Trace> code_traces;
    int heard = 0;

    Machine(uint32_t seed, bool with_pae) : random(seed), pae(with_pae) {
        for (uint32_t i = 0; i < kTableCount; ++i)
            for (uint32_t entry = 0; entry < 8; ++entry) poke_entry(kTables + i * kPageSize, entry, random_entry());
        for (uint32_t i = 0; i < kTableCount; ++i) poke_direct_map(kTables + i * kPageSize);
        for (uint32_t i = 0; i < kRootCount; ++i) poke_root(i);
        for (uint32_t a = kData; a < kData + kDataCount * kPageSize; a += 4) poke(a, a);
        for (uint32_t directory = 0; directory < 4; ++directory)
            for (uint32_t page = 0; page < 8; ++page) pages.push_back((directory << entry_shift()) + page * kPageSize);
        for (uint32_t i = 0; i < 8; ++i) pages.push_back(kDirect + i * kPageSize);
        if (!pae) pages.push_back(kDirect + 0x300000);  // what the direct map's own entry maps in a table
        for (uint32_t i = 0; i < kTableCount; ++i) pages.push_back(kDirect + kTables + i * kPageSize);
        for (uint32_t i = 0; i < kDataCount; i += 5) pages.push_back(kDirect + kData + i * kPageSize);
        const uint32_t wp = below(4) ? cr0::WP : 0;
        set_mode(kPaged | wp, cr4::PSE | (below(3) ? cr4::PGE : 0) | (pae ? cr4::PAE : 0), root(0), below(2) ? efer::NXE : 0);
        remember();
    }

    uint32_t below(uint32_t n) { return static_cast<uint32_t>(random() % n); }
    unsigned entry_shift() const { return pae ? 21 : 22; }
    uint32_t root(uint32_t i) const { return pae ? kRoots + i * 32 : kTables + i * kPageSize; }

    uint64_t random_entry() {
        uint64_t entry = below(3) ? P : 0;
        if (below(4)) entry |= U;
        if (below(4)) entry |= W;
        if (below(2)) entry |= A;
        if (below(2)) entry |= D;
        if (below(5) == 0) entry |= G;
        if (below(8) == 0) entry |= PS;
        if (pae && below(10) == 0) entry |= NX;
        if (below(40) == 0) return entry | 0xa0000;     // the display
        if (below(40) == 0) return entry | 0x70000000;  // nothing
        if (below(40) == 0) return entry | 0x00400000;  // fit for a large page
        return entry | (below(2) ? kTables + below(kTableCount) * kPageSize : kData + below(kDataCount) * kPageSize);
    }
    void poke_entry(uint32_t table, uint32_t index, uint64_t value) {
        pae ? poke<uint64_t>(table + index * 8, value)
            : poke<uint32_t>(table + index * 4, static_cast<uint32_t>(value));
    }
    // Each table can be a directory, so each has the kernel's large page where a directory has it.
    void poke_direct_map(uint32_t table) { poke_entry(table, pae ? 0 : kDirect >> 22, PS | P | W | G | A | D); }
    void poke_root(uint32_t i) {
        for (uint32_t k = 0; pae && k < 4; ++k) {
            const bool last = k == 3;  // its first entry is the direct map
            poke<uint64_t>(root(i) + k * 8, (kTables + (last ? 11 : below(kTableCount)) * kPageSize) | P);
        }
    }

    std::optional<Mapping> walk(uint32_t a, Access access, Privilege p) {
        const auto answer = page_walk(look, cpu, GuestVirt(a), access, p, false);
        if (const auto* mapping = std::get_if<Mapping>(&answer)) return *mapping;
        return std::nullopt;
    }
    uint32_t error_of(uint32_t a, Access access, Privilege p) {
        return std::get<PageFault>(page_walk(look, cpu, GuestVirt(a), access, p, false)).error_code;
    }
    void remember() {
        for (const Privilege p : {kSupervisor, kUser}) {
            auto& list = known[static_cast<size_t>(p)];
            list.clear();
            for (const uint32_t page : pages) list.push_back(walk(page, Access::Read, p));
        }
    }
    static bool lost(const std::optional<Mapping>& before, const std::optional<Mapping>& after) {
        if (!before) return false;
        if (!after) return true;
        return before->physical != after->physical || before->page_bytes != after->page_bytes ||
               before->global != after->global || (before->writable && !after->writable) ||
               (before->user && !after->user) || (before->executable && !after->executable) ||
               (before->accessed && !after->accessed) || (before->dirty && !after->dirty);
    }

    void flush_all() {
        for (int i = below(4) ? 2 : 1; i; --i) {
            cpu.cr4 ^= cr4::PGE;
            memory.paging_mode_changed();
        }
        supervisor_exact = true;
        remember();
        memory.cr3_loaded();
        user_exact = user_window_exact = true;
    }
    void load_root(uint32_t i) {
        std::array<uint64_t, 4> pdpte = cpu.pdpte;
        if (pae && !memory.load_pdptes(root(i), pdpte)) return;
        const auto before = known[0];
        cpu.cr3 = root(i);
        cpu.pdpte = pdpte;
        memory.cr3_loaded();
        user_exact = user_window_exact = true;
        supervisor_exact |= !(cpu.cr4 & cr4::PGE);
        remember();
        for (size_t k = 0; k < pages.size(); ++k)
            if (before[k] && before[k]->global && lost(before[k], known[0][k])) supervisor_exact = false;
    }
    // What a kernel does after it has changed page tables: something, or (being careless) nothing.
    void after_store() {
        const auto before_supervisor = known[0], before_user = known[1];
        remember();
        std::vector<uint32_t> changed;
        for (size_t k = 0; k < pages.size(); ++k)
            if (lost(before_supervisor[k], known[0][k]) || lost(before_user[k], known[1][k]))
                changed.push_back(pages[k]);
        if (changed.empty()) return;
        switch (below(8)) {
            case 0:
                return flush_all();
            case 1:
                supervisor_exact = user_exact = user_window_exact = false;
                return;
            case 2:
                supervisor_exact = false;  // global pages may have been among them
                return load_root(below(kRootCount));
            default:
                for (const uint32_t page : changed) memory.invalidate_page(GuestVirt(page + below(kPageSize)));
                user_window_exact = user_exact;
        }
    }

    bool in_tables(uint64_t physical) const {
        return physical >= kTables && physical < kTables + kTableCount * kPageSize;
    }

    void store_to_table() {
        const uint32_t bytes = pae ? 8 : 4;
        const uint32_t index = below(10) ? below(8) : (pae ? 0 : kDirect >> 22);
        if (pae ? false : index > 8 && below(4)) return;  // the direct map is hit seldom
        const uint32_t at = kTables + below(kTableCount) * kPageSize + index * bytes;
        uint64_t value = random_entry();
        if (below(3) == 0) value = peek<uint64_t>(at) ^ (uint64_t{1} << below(12));  // flip one flag
        const uint32_t from = below(6) ? 0 : below(bytes), n = below(6) ? bytes - from : 1;
        const auto direct = walk(kDirect + at, Access::Write, kSupervisor);
        if (direct && direct->physical.value == at && supervisor_exact && below(3))
            memory.write_bytes(GuestVirt(kDirect + at + from), reinterpret_cast<uint8_t*>(&value) + from, n,
                               kSupervisor);
        else
            memory.dma_write(GuestPhys(at + from), {reinterpret_cast<uint8_t*>(&value) + from, n});
        after_store();
    }

    bool exact(Privilege p) const { return p == kSupervisor ? supervisor_exact : user_exact; }
    uint32_t random_address() {
        const uint32_t page = pages[below(static_cast<uint32_t>(pages.size()))];
        return page + (below(8) ? below(1023) * 4 : kPageSize - 1 - below(3));
    }

    // Does a soft access what the model says?
    void access() {
        const Privilege p = below(3) ? kUser : kSupervisor;
        const uint32_t a = random_address();
        if (!exact(p)) return;
        const bool writes = below(2);
        const Access access = writes ? Access::Write : Access::Read;
        const uint32_t last = a + 3;
        const auto first = walk(a, access, p), second = walk(last, access, p);
        const bool via_window = below(3) == 0 && (p == kSupervisor || user_window_exact) && first && second;
        const uint32_t value = static_cast<uint32_t>(writes && below(2) ? random_entry() : random());
        uint32_t result = 0;
        const auto fault = fault_of([&] {
            if (via_window && window_access(a, access, p, value, result)) return;
            if (writes)
                memory.write<uint32_t>(GuestVirt(a), value, p);
            else
                result = memory.read<uint32_t>(GuestVirt(a), p);
        });
        if (!first || !second) {
            const uint32_t where = first ? last & ~0xfffu : a;
            REQUIRE(fault == GuestFault::page(GuestVirt(where), error_of(where, access, p)));
            return remember();
        }
        REQUIRE_FALSE(fault);
        // A store may have changed the very entries that it went through, and set A and D in.
        if (writes && (in_tables(first->physical.value) || in_tables(second->physical.value)))
            for (const uint32_t at : {a, last}) memory.invalidate_page(GuestVirt(at));
        else
            compare(a, writes, writes ? value : result, walk(a, access, p), walk(last, access, p));
        after_store();
    }
    void compare(uint32_t a, bool writes, uint32_t value, const std::optional<Mapping>& first,
                 const std::optional<Mapping>& last) {
        REQUIRE((first && last));
        REQUIRE(first->accessed);
        if (writes) REQUIRE(first->dirty);
        for (uint32_t i = 0; i < 4; ++i) {
            const bool on_first = (a & 0xfff) + i < kPageSize;
            const uint64_t at = on_first ? first->physical.value + i : last->physical.value - 3 + i;
            if (!ram.contains(GuestPhys(at))) continue;
            // Two linear pages may be one frame, and then an unaligned store overlaps itself.
            if ((a & 0xfff) > 0xffc && first->physical.page() == last->physical.page()) continue;
            REQUIRE(peek<uint8_t>(at) == static_cast<uint8_t>(value >> (8 * i)));
        }
    }
    // Through the window; false if the access has to be a soft one.
    bool window_access(uint32_t a, Access access, Privilege p, uint32_t value, uint32_t& result) {
        for (int tries = 0; tries < 4; ++tries) {
            uint8_t* host = memory.window_base(p) + a;
            const int before = heard;
            const bool done = survives([&] {
                if (access == Access::Write)
                    reinterpret_cast<volatile Unaligned*>(host)->value = value;
                else
                    result = reinterpret_cast<volatile Unaligned*>(host)->value;
            });
            REQUIRE(before == heard);
            if (done) return true;
            GuestFault fault{};
            for (const uint32_t at : {a, a + 3}) {
                const Fill fill = memory.fill_window(GuestVirt(at), access, p, &fault);
                REQUIRE(fill != Fill::Fault);
                if (fill == Fill::Special) return false;
            }
        }
        FAIL("the window still faults at " << std::hex << a);
        return false;
    }

    void toggle_code_trace() {
        if (code_traces.size() > 6 || (!code_traces.empty() && below(2))) {
            code_traces.erase(code_traces.begin() + below(static_cast<uint32_t>(code_traces.size())));
            return;
        }
        const GuestPhys at(kData + below(kDataCount) * kPageSize + below(1000) * 4);
        code_traces.push_back(tracer.memory_trace(at, 1 + below(100), TraceKind::Code, [this](const TraceWrite& w) {
            ++heard;
            REQUIRE(memcmp(ram.host(w.address), w.after.data(), w.after.size()) == 0);
        }));
    }
    void note_code() {
        const Privilege p = below(2) ? kUser : kSupervisor;
        if (!exact(p)) return;
        const GuestVirt a(random_address());
        const auto answer = memory.code_mapping(a, p);
        const auto expected = walk(a.value, Access::Execute, p);
        REQUIRE(std::holds_alternative<Mapping>(answer) == expected.has_value());
        if (!expected) return;
        REQUIRE(std::get<Mapping>(answer).physical == expected->physical);
        remember();
        memory.note_code_page(a, p, std::get<Mapping>(answer));
        memory.view(p).jumps.negated_eip[JumpCache::index(a.value)] = 0u - a.value;
    }

    void step() {
        switch (below(20)) {
            case 0:
            case 1:
            case 2:
                store_to_table();
                break;
            case 3:
                load_root(below(kRootCount));
                break;
            case 4:
                toggle_code_trace();
                break;
            case 5:
                note_code();
                break;
            case 6:
                if (!supervisor_exact) flush_all();
                break;
            case 7:
                if (pae) poke_root(below(kRootCount));
                break;
            default:
                access();
        }
        if (supervisor_exact && below(4) == 0) REQUIRE(memory.audit() == "");
    }
};

void run(bool pae) {
    uint64_t window_maps = 0, let_go = 0, traced_again = 0, found = 0;
    for (uint32_t seed = 1; seed <= 100; ++seed) {
        INFO("seed " << seed << (pae ? " pae" : ""));
        Machine machine(seed, pae);
        for (int i = 0; i < 1500; ++i) {
            INFO("step " << i);
            machine.step();
        }
        machine.flush_all();
        REQUIRE(machine.memory.audit() == "");
        const auto& counts = machine.memory.counts();
        REQUIRE(counts.cr3_known > 0);
        window_maps += counts.window_maps;
        let_go += counts.tables_let_go;
        traced_again += counts.tables_traced_again;
        found += counts.entries_found_changed;
    }
    REQUIRE(window_maps > 100);
    REQUIRE(let_go > 50);
    REQUIRE(traced_again > 50);
    REQUIRE(found > 50);
}

}  // namespace

TEST_CASE("random page tables, 32-bit") {
    run(false);
}
TEST_CASE("random page tables, PAE") {
    run(true);
}
