// Tests of windows: what enters on a fault, what traces and page-table changes take out, and the bound on host
// mappings.
#include "shadowmmu/window.h"

#include <sys/mman.h>

#include <fstream>

#include <catch2/catch.hpp>

#include "shadowmmu/window_cache.h"
#include "test/unit/shadowmmu/fixture.h"
#include "test/unit/shadowmmu/host_access.h"

using namespace ringfold;
using namespace ringfold::test;

namespace {

constexpr uint64_t kPlaceBegin = 0x20000000, kPlaceEnd = 0x30000000;

constexpr uint32_t kPd = 0x100000, kPt = 0x101000, kPd2 = 0x102000, kPt2 = 0x103000;

struct Windowed : Guest {
    Windowed() {
        for (auto [pd, pt, frames] : {std::tuple{kPd, kPt, 0x200000u}, {kPd2, kPt2, 0x300000u}}) {
            poke(pd + 4, pt | P | W | U);
            poke(pd + 0x300 * 4, 0 | PS | P | W | G | A | D);
            for (uint32_t i = 0; i < 64; ++i) poke(pt + 4 * i, (frames + 0x1000 * i) | P | W | U);
        }
        for (uint32_t a = 0x200000; a < 0x400000; a += 4) poke(a, a);
        set_mode(kPagedWp, cr4::PSE | cr4::PGE, kPd);
    }
    bool reads(uint32_t a, Privilege p = kUser, uint32_t* value = nullptr) {
        const uint8_t* base = memory.window_base(p);
        uint32_t seen = 0;
        const bool fine = survives([&] { seen = *reinterpret_cast<const volatile uint32_t*>(base + a); });
        if (value) *value = seen;
        return fine;
    }
    bool writes(uint32_t a, uint32_t value, Privilege p = kUser) {
        uint8_t* base = memory.window_base(p);
        return survives([&] { *reinterpret_cast<volatile uint32_t*>(base + a) = value; });
    }
    Fill fill(uint32_t a, Access access, Privilege p = kUser) {
        return memory.fill_window(GuestVirt(a), access, p, &fault);
    }
    // As a process would run: whole windows are looked at by audit().
    void settled() { CHECK(memory.audit() == ""); }

    GuestFault fault{};
};

uint64_t host_mappings_of(const void* from, uint64_t bytes) {
    std::ifstream maps("/proc/self/maps");
    uint64_t count = 0;
    for (std::string line; std::getline(maps, line);) {
        const uint64_t at = strtoull(line.c_str(), nullptr, 16);
        count += at >= reinterpret_cast<uint64_t>(from) && at < reinterpret_cast<uint64_t>(from) + bytes;
    }
    return count;
}

}  // namespace

TEST_CASE("a page enters for reading; D and the right to write come with the first write") {
    Windowed g;
    uint32_t value = 0;
    CHECK_FALSE(g.reads(0x401004));
    CHECK(g.fill(0x401004, Access::Read) == Fill::Ram);
    CHECK(g.reads(0x401004, kUser, &value));
    CHECK(value == 0x201004);
    CHECK_FALSE(g.writes(0x401004, 9));
    CHECK((g.peek<uint32_t>(kPt + 4) & (A | D)) == A);
    CHECK(g.fill(0x401004, Access::Write) == Fill::Ram);
    CHECK(g.writes(0x401004, 9));
    CHECK(g.peek<uint32_t>(0x201004) == 9);
    CHECK((g.peek<uint32_t>(kPt + 4) & (A | D)) == (A | D));
    CHECK(g.memory.counts().hidden_faults == 2);
    g.settled();
}

TEST_CASE("true faults, device memory and pages that a CR3 load flushes do not enter") {
    Windowed g;
    CHECK(g.fill(0x440000, Access::Read) == Fill::Fault);
    CHECK(g.fault == GuestFault::page(GuestVirt(0x440000), kPfUser));
    CHECK(g.fill(0xc0000000, Access::Read) == Fill::Fault);
    CHECK(g.fill(0xc00b8000, Access::Write, kSupervisor) == Fill::Special);
    CHECK(g.fill(0x401000, Access::Read, kSupervisor) == Fill::Special);
    CHECK_FALSE(g.reads(0x401000, kSupervisor));
}

TEST_CASE("neighbours enter with a page if the guest has touched them, no mark being left on the others") {
    Windowed g;
    for (uint32_t i = 4; i < 8; ++i) g.poke(kPt + 4 * i, g.peek<uint32_t>(kPt + 4 * i) | A | D);
    g.poke(kPt + 4 * 8, g.peek<uint32_t>(kPt + 4 * 8) | A);  // not dirty: not in the same mapping
    CHECK(g.fill(0x405000, Access::Write) == Fill::Ram);
    CHECK(g.memory.counts().window_maps == 4);
    CHECK(g.writes(0x404000, 1));
    CHECK(g.writes(0x407000, 1));
    CHECK_FALSE(g.reads(0x403000));
    CHECK_FALSE(g.reads(0x408000));
    CHECK(g.peek<uint32_t>(kPt + 12) == (0x203000 | P | W | U));
    g.settled();
}

TEST_CASE("neighbours whose frames lie side by side enter by one mapping, to the ends of their table") {
    Windowed g;
    for (uint32_t n = 0; n < 1024; ++n) g.poke(kPt + 4 * n, (0x800000 + 0x1000 * n) | P | W | U | A | D);
    SECTION("all of them: in 4 MiB two tables of PAE's could lie") {
        CHECK(g.fill(0x464000, Access::Write) == Fill::Ram);
        CHECK(g.memory.counts().window_maps == 512);
        CHECK(g.memory.counts().window_mappings == 2);  // it, and what is reserved behind it
        CHECK(g.writes(0x400000, 1));
        CHECK(g.writes(0x5ff000, 1));
        CHECK_FALSE(g.reads(0x600000));
        CHECK(g.fill(0x7ff000, Access::Write) == Fill::Ram);
        CHECK(g.memory.counts().window_maps == 1024);
        CHECK(g.memory.counts().window_mappings == 2);
    }
    SECTION("up to one that the guest has not touched, and to one whose frame lies elsewhere") {
        g.poke(kPt + 4 * 10, (0x800000 + 0x1000 * 10) | P | W | U);
        g.poke(kPt + 4 * 300, 0x200000 | P | W | U | A | D);
        CHECK(g.fill(0x464000, Access::Write) == Fill::Ram);
        CHECK(g.memory.counts().window_maps == 289);
        CHECK_FALSE(g.reads(0x40a000));
        CHECK(g.writes(0x40b000, 1));
        CHECK(g.writes(0x52b000, 1));
        CHECK_FALSE(g.reads(0x52c000));
    }
    SECTION("a page among them that is traced cuts them") {
        auto trace = g.tracer.memory_trace(GuestPhys(0x8c8000), 4, TraceKind::Code, [](const TraceWrite&) {});
        CHECK(g.fill(0x464000, Access::Write) == Fill::Ram);
        CHECK(g.memory.counts().window_maps == 200);
        CHECK(g.writes(0x4c7000, 1));
        CHECK_FALSE(g.reads(0x4c8000));
        CHECK(g.fill(0x4c8000, Access::Read) == Fill::Ram);
        CHECK_FALSE(g.writes(0x4c8000, 1));
    }
    g.settled();
}

TEST_CASE("a region that is accessed at random enters whole, however its frames lie") {
    Windowed g;
    for (uint32_t n = 0; n < 1024; ++n) g.poke(kPt + 4 * n, (0xc00000 - 0x1000 * n) | P | W | U | A | D);
    g.poke(kPt + 4 * 5, 0x300000 | P | W | U);
    const auto fill_one_in_each_block = [&](uint32_t first, uint32_t count) {
        for (uint32_t n = first; n < first + count; ++n) CHECK(g.fill(0x400000 + n * 0x20000, Access::Write) == Fill::Ram);
    };
    fill_one_in_each_block(0, 7);
    CHECK(g.memory.counts().window_maps == 7);
    SECTION("touched pages, and no farther") {
        fill_one_in_each_block(7, 1);
        CHECK(g.memory.counts().window_maps == 511);
        CHECK(g.writes(0x5ff000, 1));
        CHECK_FALSE(g.reads(0x405000));
        CHECK_FALSE(g.reads(0x600000));
        g.settled();
        g.guest_store32(kPt + 4 * 300, 0x205000 | P | W | U);
        g.load_cr3(kPd);
        CHECK_FALSE(g.reads(0x52c000));
    }
    SECTION("each region has its own count") {
        fill_one_in_each_block(16, 7);
        CHECK(g.memory.counts().window_maps == 14);
    }
    SECTION("whoever gets the window next begins anew") {
        for (uint32_t i = 0; i < WindowCache::kUserWindows; ++i) {
            const uint32_t pd = 0xd00000 + i * 0x1000;
            g.poke(pd + 4, kPt | P | W | U);
            g.load_cr3(pd);
            fill_one_in_each_block(0, 7);
            CHECK(g.memory.counts().window_maps == 7 * (i + 2));
        }
        CHECK(g.memory.counts().window_evictions == 1);
    }
    g.settled();
}

TEST_CASE("windows lie at a huge page's boundary") {
    Ram ram(16 << 20);
    Window some[] = {{ram, 0}, {ram, 1}, {ram, 2}};
    for (const Window& window : some) CHECK(reinterpret_cast<uintptr_t>(window.base()) % (2 << 20) == 0);
}

TEST_CASE("a large page enters whole, but for device memory, and traced pages enter read-only") {
    Windowed g;
    int heard = 0;
    auto trace = g.tracer.memory_trace(GuestPhys(0x250000), 4, TraceKind::Code, [&](const TraceWrite&) { ++heard; });
    CHECK(g.fill(0xc0200000, Access::Write, kSupervisor) == Fill::Ram);
    CHECK(g.writes(0xc0200000, 1, kSupervisor));
    CHECK(g.writes(0xc03ff000, 1, kSupervisor));
    CHECK(g.writes(0xc0000000, 1, kSupervisor));
    CHECK_FALSE(g.reads(0xc00b8000, kSupervisor));
    CHECK(g.reads(0xc0250000, kSupervisor));
    CHECK_FALSE(g.writes(0xc0250000, 1, kSupervisor));
    CHECK(g.fill(0xc0250000, Access::Write, kSupervisor) == Fill::Special);
    CHECK(g.memory.counts().window_maps == 1024 - 32);
    trace.reset();
    CHECK(g.fill(0xc0250000, Access::Write, kSupervisor) == Fill::Ram);
    CHECK(g.writes(0xc0250000, 1, kSupervisor));
    CHECK(heard == 0);
    g.settled();
}

TEST_CASE("a new trace write-protects its page in every window that shows it") {
    Windowed g;
    CHECK(g.fill(0x401000, Access::Write) == Fill::Ram);
    CHECK(g.fill(0xc0201000, Access::Write, kSupervisor) == Fill::Ram);
    g.poke(kPt + 4 * 32, 0x201000 | P | W | U);  // a second place in the same window
    CHECK(g.fill(0x420000, Access::Write) == Fill::Ram);
    auto trace = g.tracer.memory_trace(GuestPhys(0x201800), 4, TraceKind::Code, [](const TraceWrite&) {});
    CHECK_FALSE(g.writes(0x401000, 1));
    CHECK_FALSE(g.writes(0x420000, 1));
    CHECK_FALSE(g.writes(0xc0201000, 1, kSupervisor));
    CHECK(g.reads(0x401000));
    CHECK(g.writes(0xc0202000, 1, kSupervisor));
    g.settled();
}

TEST_CASE("page-table changes reach the user window at INVLPG or a CR3 load") {
    Windowed g;
    uint32_t value = 0;
    CHECK(g.fill(0x401000, Access::Write) == Fill::Ram);
    SECTION("unmapped") {
        g.guest_store32(kPt + 4, 0);
        g.memory.invalidate_page(GuestVirt(0x401000));
        CHECK_FALSE(g.reads(0x401000));
    }
    SECTION("write-protected, as fork does") {
        g.guest_store32(kPt + 4, 0x201000 | P | U | A | D);
        g.load_cr3(kPd);
        CHECK(g.reads(0x401000));
        CHECK_FALSE(g.writes(0x401000, 1));
        CHECK(g.fill(0x401000, Access::Write) == Fill::Fault);
    }
    SECTION("copied on write: the new frame is there without another fault") {
        g.guest_store32(kPt + 4, 0x205000 | P | W | U | A | D);
        g.memory.invalidate_page(GuestVirt(0x401000));
        CHECK(g.reads(0x401004, kUser, &value));
        CHECK(value == 0x205004);
        CHECK(g.writes(0x401004, 1));
    }
    SECTION("while another space runs") {
        g.load_cr3(kPd2);
        g.guest_store32(kPt + 4, 0x205000 | P | W | U);
        g.load_cr3(kPd);
        CHECK_FALSE(g.reads(0x401000));
        CHECK(g.fill(0x401004, Access::Read) == Fill::Ram);
        CHECK(g.reads(0x401004, kUser, &value));
        CHECK(value == 0x205004);
    }
    SECTION("a whole table") {
        g.guest_store32(kPd + 4, kPt2 | P | W | U);
        g.load_cr3(kPd);
        CHECK_FALSE(g.reads(0x401000));
    }
    g.settled();
}

TEST_CASE("each address space has its own window, which a CR3 load brings back") {
    Windowed g;
    uint32_t value = 0;
    CHECK(g.fill(0x401000, Access::Read) == Fill::Ram);
    uint8_t* first = g.memory.window_base(kUser);
    g.load_cr3(kPd2);
    CHECK(g.memory.window_base(kUser) != first);
    CHECK_FALSE(g.reads(0x401000));
    CHECK(g.fill(0x401000, Access::Read) == Fill::Ram);
    CHECK(g.reads(0x401004, kUser, &value));
    CHECK(value == 0x301004);
    g.load_cr3(kPd);
    CHECK(g.memory.window_base(kUser) == first);
    CHECK(g.reads(0x401004, kUser, &value));
    CHECK(value == 0x201004);
    g.settled();
}

TEST_CASE("more address spaces than windows: the one used last longest ago is emptied") {
    Windowed g;
    CHECK(g.fill(0x401000, Access::Read) == Fill::Ram);
    for (uint32_t i = 0; i < 12; ++i) {
        const uint32_t pd = 0x800000 + i * 0x2000, pt = pd + 0x1000;
        g.poke(pd + 4, pt | P | W | U);
        g.poke(pt + 4, (0x300000 + i * 0x1000) | P | W | U);
        g.load_cr3(pd);
        uint32_t value = 0;
        CHECK_FALSE(g.reads(0x401000));
        CHECK(g.fill(0x401000, Access::Read) == Fill::Ram);
        CHECK(g.reads(0x401000, kUser, &value));
        CHECK(value == 0x300000 + i * 0x1000);
        g.settled();
    }
    CHECK(g.memory.counts().window_evictions == 13 - WindowCache::kUserWindows);
    g.load_cr3(kPd);
    CHECK_FALSE(g.reads(0x401000));
}

TEST_CASE("INVLPG of a large page takes all of it out of the supervisor window") {
    Windowed g;
    CHECK(g.fill(0xc0201000, Access::Read, kSupervisor) == Fill::Ram);
    g.poke(kPd + 0x300 * 4, 0x400000 | PS | P | W | G | A | D);
    g.memory.invalidate_page(GuestVirt(0xc0000000));
    uint32_t value = 1;
    const bool there = g.reads(0xc0201000, kSupervisor, &value);
    CHECK((!there || value == 0));
    g.settled();
}

TEST_CASE("a global flush keeps what is still true and takes what is not") {
    Windowed g;
    CHECK(g.fill(0xc0201000, Access::Write, kSupervisor) == Fill::Ram);
    const uint64_t mapped = g.memory.counts().window_maps;
    g.cpu.cr4 &= ~cr4::PGE;
    g.memory.paging_mode_changed();
    CHECK(g.reads(0xc0201000, kSupervisor));
    g.cpu.cr4 |= cr4::PGE;
    g.memory.paging_mode_changed();
    CHECK(g.fill(0xc0201000, Access::Write, kSupervisor) == Fill::Ram);
    CHECK(g.memory.counts().window_maps == mapped);
    g.poke(kPd + 0x300 * 4, 0 | PS | P | G | A | D);
    g.memory.invalidate_page(GuestVirt(0xc0000000));
    CHECK(g.reads(0xc0201000, kSupervisor));
    CHECK_FALSE(g.writes(0xc0201000, 1, kSupervisor));
    g.settled();
}

TEST_CASE("without CR4.PGE a load of CR3 takes the supervisor window") {
    Windowed g;
    CHECK(g.fill(0xc0201000, Access::Write, kSupervisor) == Fill::Ram);
    g.cpu.cr4 &= ~cr4::PGE;
    g.memory.paging_mode_changed();
    CHECK(g.reads(0xc0201000, kSupervisor));
    g.memory.cr3_loaded();
    CHECK_FALSE(g.reads(0xc0201000, kSupervisor));
    CHECK(g.fill(0xc0201000, Access::Write, kSupervisor) == Fill::Special);
    g.settled();
}

TEST_CASE("the account of host mappings is the host's own") {
    Ram ram(16 << 20);
    Window window(ram, 0);
    CHECK(window.pieces() == 1);
    REQUIRE(window.map(0x100, 16, {true, true, 0x200}, true));
    REQUIRE(window.map(0x110, 4, {true, true, 0x210}, false));  // goes on where the first ends
    REQUIRE(window.map(0x120, 4, {true, false, 0x220}, false));
    REQUIRE(window.map(Window::kPages - 1, 1, {true, true, 0}, false));
    window.write_protect(0x104, 1);
    CHECK(window.write_protect_frames(0x208, 1) == 1);
    CHECK(window.write_protect_frames(0x208, 1) == 0);
    window.unmap(0x10a, 2);
    CHECK(window.mapped_pages() == 23);
    // The last page borders on the guard.
    CHECK(host_mappings_of(window.base(), Window::kBytes) == window.pieces());
    window.unmap_all();
    CHECK(window.pieces() == 1);
    CHECK(window.mapped_pages() == 0);
    CHECK(host_mappings_of(window.base(), Window::kBytes + Window::kGuardBytes) == 1);
    REQUIRE(window.map(0, 1, {true, true, 7}, true));
    CHECK(window.page(0) == WindowPage{true, true, 7});
}

TEST_CASE("an operand that straddles the end of a window meets the guard") {
    Ram ram(1 << 20);
    Window window(ram, 0);
    REQUIRE(window.map(Window::kPages - 1, 1, {true, true, 3}, true));
    const volatile uint8_t* last = window.base() + 0xffffffff;
    CHECK(survives([&] { (void)*last; }));
    CHECK_FALSE(survives([&] { (void)*(last + 1); }));
    CHECK_FALSE(survives([&] { (void)*(last + 512); }));
}

TEST_CASE("the budget of host mappings is kept by evicting the oldest windows") {
    Ram ram(16 << 20);
    MemoryTracer tracer(ram.size());
    struct NoListener : TableListener {
        void entry_changed(TableUse&, uint32_t, uint64_t, uint64_t) override {}
    } listener;
    GuestMemory::Counts counts;
    PageTableTraces traces(ram, tracer, listener, counts);
    AddressSpace one(traces, 0), two(traces, 1), three(traces, 2);
    WindowCache cache(ram, counts);
    cache.set_budget(40);
    const auto fill = [&](Window& window) {
        for (uint32_t i = 0; i < 6; ++i) REQUIRE(cache.map(window, i * 4, 1, {true, true, i}, false));
    };
    fill(cache.user(one, nullptr));
    CHECK(cache.has_plenty());
    fill(cache.user(two, &one));
    fill(cache.user(three, &two));
    CHECK(counts.window_mappings == 33);
    CHECK_FALSE(cache.has_plenty());
    fill(cache.supervisor());
    CHECK(counts.window_mappings <= 40);
    CHECK(one.window->mapped_pages() == 0);
    CHECK(three.window->mapped_pages() == 6);
    CHECK(counts.window_evictions > 0);
    for (uint32_t i = 0; i < 500; ++i) REQUIRE(cache.map(cache.supervisor(), i * 2, 1, {true, true, i}, false));
    CHECK(counts.window_mappings <= 42);
    CHECK(cache.supervisor().mapped(499 * 2));
}

TEST_CASE("windows that come and go leave nothing in the account", "[window]") {
    Ram ram(4 << 20);
    GuestMemory::Counts counts;
    WindowCache cache(ram, counts);
    for (int n = 0; n < 3; ++n) {
        REQUIRE(cache.map(cache.supervisor(), 10, 1, {true, true, 1}, false));
        REQUIRE(counts.window_mappings > 0);
        cache.share(std::nullopt);
        CHECK(counts.window_mappings == 0);
    }
}

TEST_CASE("windows that share a place: each unmaps its own pages alone", "[window]") {
    void* const place = reinterpret_cast<void*>(kPlaceBegin);
    if (mmap(place, kPlaceEnd - kPlaceBegin, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0) != place) {
        WARN("the place is taken on this host");
        return;
    }
    {
        Ram ram(4 << 20);
        *ram.host(GuestPhys(0x5000)) = 5;
        *ram.host(GuestPhys(0x6000)) = 6;
        Window first(ram, 0, {kPlaceBegin, kPlaceEnd}), second(ram, 1, {kPlaceBegin, kPlaceEnd});
        first.sibling = &second;
        second.sibling = &first;
        const auto at = [](uint32_t page) { return *reinterpret_cast<const volatile uint8_t*>(uint64_t{page} << 12); };
        constexpr uint32_t kPage = kPlaceBegin >> 12, kFar = kPage + 4096;
        CHECK(first.floor() == Window::kPages);
        REQUIRE(first.map(kPage, 2, {true, false, 5}, false));
        REQUIRE(first.map(kFar, 1, {true, false, 5}, false));
        CHECK(at(kPage) == 5);
        CHECK(first.floor() == kPage);
        REQUIRE(second.map(kPage, 1, {true, false, 6}, false));
        CHECK(at(kPage) == 6);
        CHECK(!first.mapped(kPage));
        CHECK(first.mapped_pages() == 2);
        first.unmap_all();
        CHECK(first.mapped_pages() == 0);
        CHECK(first.floor() == Window::kPages);
        CHECK(at(kPage) == 6);
        CHECK_FALSE(survives([&] { at(kPage + 1); }));
        CHECK_FALSE(survives([&] { at(kFar); }));
        second.unmap_all();
        CHECK_FALSE(survives([&] { at(kPage); }));
    }
    {
        Ram ram(4 << 20);
        GuestMemory::Counts counts;
        WindowCache cache(ram, counts);
        cache.share(WindowPlace{kPlaceBegin, kPlaceEnd});
        constexpr uint32_t kPage = kPlaceBegin >> 12;
        Window& first = cache.supervisor();
        Window& second = *first.sibling;
        for (uint32_t i = 0; i < 8; ++i) REQUIRE(cache.map(first, kPage + 2 * i, 1, {true, false, 5}, false));
        for (uint32_t i = 0; i < 8; ++i) REQUIRE(cache.map(second, kPage + 2 * i, 1, {true, false, 6}, false));
        CHECK(first.pieces() == 1);
        CHECK(counts.window_mappings == second.pieces() - 1);
        cache.unmap_all(second);
        CHECK(counts.window_mappings == 0);
    }
    munmap(place, kPlaceEnd - kPlaceBegin);
}
