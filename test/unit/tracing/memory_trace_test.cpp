// Tests of the trace registry: ranges, kinds, handles, and handlers that change the registry under notify().
#include "tracing/memory_trace.h"

#include <vector>

#include <catch2/catch.hpp>

using namespace ringfold;

namespace {

struct Guard : PageGuard {
    std::vector<uint64_t> protected_pages, unprotected_pages;
    void protect(GuestPhys page) override { protected_pages.push_back(page.value); }
    void unprotect(GuestPhys page) override { unprotected_pages.push_back(page.value); }
};

void store(MemoryTracer& tracer, uint64_t address, std::vector<uint8_t> bytes, TraceRoad road = TraceRoad::Soft) {
    const std::vector<uint8_t> before(bytes.size());
    tracer.notify({GuestPhys(address), before, bytes, road});
}

constexpr uint64_t kRam = 64 * kPageSize;

}  // namespace

TEST_CASE("a trace hears exactly the writes that meet its range") {
    MemoryTracer tracer(kRam);
    int heard = 0;
    auto trace = tracer.memory_trace(GuestPhys(0x1010), 0x10, TraceKind::Code, [&](const TraceWrite&) { ++heard; });
    CHECK(tracer.traced(GuestPhys(0x1fff)));
    CHECK_FALSE(tracer.traced(GuestPhys(0x2000)));
    CHECK_FALSE(tracer.traced(GuestPhys(kRam)));
    store(tracer, 0x100f, {1});
    store(tracer, 0x1020, {1});
    CHECK(heard == 0);
    CHECK(tracer.counts().beside[static_cast<size_t>(TraceRoad::Soft)] == 2);
    store(tracer, 0x100f, {1, 2});
    store(tracer, 0x101f, {1, 2, 3}, TraceRoad::Dma);
    CHECK(heard == 2);
    CHECK(tracer.counts().handled[static_cast<size_t>(TraceKind::Code)][static_cast<size_t>(TraceRoad::Dma)] == 1);
}

TEST_CASE("pages are guarded while any trace lies on them") {
    MemoryTracer tracer(kRam);
    Guard guard;
    tracer.set_guard(&guard);
    auto spanning = tracer.memory_trace(GuestPhys(0x1ff8), 0x1010, TraceKind::Gdt, [](const TraceWrite&) {});
    CHECK(guard.protected_pages == std::vector<uint64_t>{0x1000, 0x2000, 0x3000});
    auto second = tracer.memory_trace(GuestPhys(0x2000), 4, TraceKind::Idt, [](const TraceWrite&) {});
    CHECK(guard.protected_pages.size() == 3);
    CHECK(tracer.kinds_on(GuestPhys(0x2000)) ==
          ((1u << static_cast<int>(TraceKind::Gdt)) | (1u << static_cast<int>(TraceKind::Idt))));
    CHECK(tracer.counts().pages == 3);
    spanning.reset();
    CHECK(guard.unprotected_pages == std::vector<uint64_t>{0x1000, 0x3000});
    CHECK(tracer.traced(GuestPhys(0x2000)));
    second.reset();
    CHECK_FALSE(tracer.traced(GuestPhys(0x2000)));
    CHECK(tracer.counts().pages == 0);
}

TEST_CASE("a handle moves, and its death ends the trace") {
    MemoryTracer tracer(kRam);
    int heard = 0;
    Trace outer;
    {
        Trace inner = tracer.memory_trace(GuestPhys(0), 8, TraceKind::Ldt, [&](const TraceWrite&) { ++heard; });
        outer = std::move(inner);
        CHECK_FALSE(inner);
    }
    store(tracer, 0, {1});
    CHECK(heard == 1);
    outer = Trace();
    store(tracer, 0, {1});
    CHECK(heard == 1);
}

TEST_CASE("handlers may drop any trace and make new ones") {
    MemoryTracer tracer(kRam);
    Trace a, b, made;
    std::vector<char> heard;
    auto drop_all = [&](char name) {
        return [&, name](const TraceWrite&) {
            heard.push_back(name);
            a.reset();
            b.reset();
            made = tracer.memory_trace(GuestPhys(0x1000), 4, TraceKind::Code,
                                       [&](const TraceWrite&) { heard.push_back('n'); });
        };
    };
    a = tracer.memory_trace(GuestPhys(0x1000), 4, TraceKind::Code, drop_all('a'));
    b = tracer.memory_trace(GuestPhys(0x1000), 4, TraceKind::PageTable, drop_all('b'));
    store(tracer, 0x1000, {1, 2, 3, 4});
    CHECK(heard == std::vector<char>{'b'});  // the one that ran dropped the other; the new one missed this write
    CHECK(tracer.traced(GuestPhys(0x1000)));
    store(tracer, 0x1000, {1});
    CHECK(heard == std::vector<char>{'b', 'n'});
    made.reset();
    CHECK_FALSE(tracer.traced(GuestPhys(0x1000)));
}

TEST_CASE("ranges outside RAM are accepted and silent") {
    MemoryTracer tracer(kRam);
    int heard = 0;
    auto handler = [&](const TraceWrite&) { ++heard; };
    auto beyond = tracer.memory_trace(GuestPhys(kRam + 0x1000), 0x100, TraceKind::Gdt, handler);
    auto astride = tracer.memory_trace(GuestPhys(kRam - 4), 0x100, TraceKind::Gdt, handler);
    auto empty = tracer.memory_trace(GuestPhys(0x5000), 0, TraceKind::Gdt, handler);
    CHECK(beyond);
    CHECK_FALSE(tracer.traced(GuestPhys(0x5000)));
    store(tracer, kRam + 0x1000, {1});
    CHECK(heard == 0);
    store(tracer, kRam - 1, {1});
    CHECK(heard == 1);
}

TEST_CASE("a page's first write is told once, by whatever road, and watched for anew") {
    MemoryTracer tracer(kRam);
    Guard guard;
    tracer.set_guard(&guard);
    std::vector<uint64_t> told;
    tracer.on_first_write([&](GuestPhys page) { told.push_back(page.value); });
    tracer.watch_first_writes(GuestPhys(0x3000), 2);
    CHECK(guard.protected_pages == std::vector<uint64_t>{0x3000, 0x4000});
    CHECK(tracer.traced(GuestPhys(0x4000)));
    CHECK_FALSE(tracer.traced(GuestPhys(0x5000)));
    CHECK(tracer.first_write(GuestPhys(0x3010), TraceRoad::Soft));
    CHECK_FALSE(tracer.first_write(GuestPhys(0x3010), TraceRoad::Soft));
    store(tracer, 0x4ff0, {1}, TraceRoad::Dma);
    store(tracer, 0x4ff0, {1}, TraceRoad::Dma);
    CHECK(told == std::vector<uint64_t>{0x3000, 0x4000});
    CHECK(guard.unprotected_pages == told);
    CHECK(tracer.counts().pages == 0);

    int heard = 0;
    auto trace = tracer.memory_trace(GuestPhys(0x3000), 4, TraceKind::Code, [&](const TraceWrite&) { ++heard; });
    tracer.watch_first_writes(GuestPhys(0x3000), 1);
    CHECK(tracer.first_write(GuestPhys(0x3000), TraceRoad::Soft));
    CHECK(tracer.traced(GuestPhys(0x3000)));  // as code
    tracer.watch_first_writes(GuestPhys(0x3000), 1);
    store(tracer, 0x3000, {1});
    CHECK(heard == 1);
    CHECK(told.size() == 4);
    trace.reset();
    CHECK(tracer.counts().pages == 0);
    tracer.watch_first_writes(GuestPhys(kRam - kPageSize), 5);  // no further than there is memory
    CHECK(tracer.counts().pages == 1);
}
