// memory_trace(address, length, kind, handler): the handler hears of each guest write to that physical memory.
//
// One registry for all of guest RAM. It knows pages and callbacks, nothing else: what a page-table write means
// stays in shadowmmu/, what a code write means in translator/. Whoever writes guest memory (soft accesses, the
// window fault path, DMA, the interpreter) asks traced() first and, if so, calls notify() after the write.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "tracing/page_guard.h"
#include "vmm/base/types.h"

namespace ringfold {

// ReadOnly has the write itself dropped: whoever writes guest memory asks for it, and the handler is never called.
// Code: translations, which CodeMap knows to the byte. Decoded: what the interpreter has decoded. FirstWrite: see
// watch_first_writes(), which no memory_trace() is for.
enum class TraceKind : uint8_t { PageTable, Gdt, Ldt, Idt, Code, ReadOnly, Decoded, FirstWrite };
inline constexpr int kTraceKinds = 8;

// By which road a write reached the registry; for the statistics and for adaptation.
enum class TraceRoad : uint8_t { Soft, WindowFault, Dma, Interpreter };
inline constexpr int kTraceRoads = 4;

struct TraceWrite {
    GuestPhys address;
    std::span<const uint8_t> before;  // equal to `after` when the same value was stored
    std::span<const uint8_t> after;
    TraceRoad road;

    uint32_t length() const { return static_cast<uint32_t>(after.size()); }
};
using TraceHandler = std::function<void(const TraceWrite&)>;

class MemoryTracer;

// A trace unregisters itself when its handle dies. Movable, not copyable. A handler may drop or make traces, its own
// too. The tracer outlives its traces.
class Trace {
public:
    Trace() = default;
    Trace(Trace&&) noexcept;
    Trace& operator=(Trace&&) noexcept;
    ~Trace();
    void reset();
    explicit operator bool() const { return tracer_ != nullptr; }

private:
    friend class MemoryTracer;
    struct Entry;
    Trace(MemoryTracer* tracer, Entry* entry) : tracer_(tracer), entry_(entry) {}
    MemoryTracer* tracer_ = nullptr;
    Entry* entry_ = nullptr;
};

class MemoryTracer {
public:
    // `ram_bytes`: guest RAM covers physical addresses [0, ram_bytes).
    explicit MemoryTracer(uint64_t ram_bytes);
    ~MemoryTracer();

    void set_guard(PageGuard* guard) { guard_ = guard; }

    // Watches [address, address + length), which may span pages. Pages newly traced are protect()ed at once.
    [[nodiscard]] Trace memory_trace(GuestPhys address, uint32_t length, TraceKind kind, TraceHandler handler);

    // Does any trace lie on this page? A table look-up; false outside RAM.
    bool traced(GuestPhys page) const { return kinds_on(page) != 0; }
    // Bit set of TraceKind on this page.
    uint8_t kinds_on(GuestPhys page) const {
        const uint64_t number = page.page_number();
        return number < page_count_ ? kinds_[number] : 0;
    }
    // Are writes to this page to be dropped? Such a trace covers whole pages.
    bool read_only(GuestPhys page) const { return kinds_on(page) >> static_cast<unsigned>(TraceKind::ReadOnly) & 1; }
    // For those who ask again and again which pages were written, as a display does: the first write to each of these
    // pages is told, before it or after, and then the page is watched no more. Pages watched already stay so.
    void watch_first_writes(GuestPhys first, uint32_t pages);
    void on_first_write(std::function<void(GuestPhys page)> handler);
    // A write to the page is about to come: true if it was watched for its first, which that is now.
    bool first_write(GuestPhys page, TraceRoad road) {
        return kinds_on(page) >> static_cast<unsigned>(TraceKind::FirstWrite) & 1 && tell_first_write(page, road);
    }
    // The bit sets of all pages, by page number, for translated code.
    const uint8_t* kinds() const { return kinds_; }
    // Runs the handlers whose ranges meet the write. The write must not cross a page.
    void notify(const TraceWrite& write);

    struct Counts {
        std::array<std::array<uint64_t, kTraceRoads>, kTraceKinds> handled{};  // handler calls
        std::array<uint64_t, kTraceRoads> beside{};  // writes to a traced page that met no trace's range
        uint64_t pages = 0;                          // pages traced now
    };
    const Counts& counts() const;

private:
    friend class Trace;
    struct Impl;
    void drop(Trace::Entry* entry);
    bool tell_first_write(GuestPhys page, TraceRoad road);

    std::unique_ptr<Impl> impl_;
    const uint8_t* kinds_ = nullptr;  // by page number
    uint64_t page_count_ = 0;
    PageGuard* guard_ = nullptr;
};

}  // namespace ringfold
