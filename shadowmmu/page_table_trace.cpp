// Traces on page-table pages: made with the first use of a page, gone with the last, and turned into
// "this entry changed from this to that". Tables that are written become unsynchronised.
#include "shadowmmu/page_table_trace.h"

#include <algorithm>
#include <cstring>

#include "shadowmmu/address_space.h"

namespace ringfold {

namespace {

// A heard write costs some hundred cycles; becoming unsynchronised and traced again costs several of them.
constexpr unsigned kWritesHeard = 4;
// Each comparison of a page costs about as much as a heard write.
constexpr unsigned kQuietComparisons = 3;
// What is compared and told at once: an entry of PAE, two of 32-bit paging.
constexpr uint32_t kUnit = 8;

uint32_t bit_of(const AddressSpace& space) {
    return 1u << space.number;
}

}  // namespace

struct PageTablePage {
    GuestPhys address;
    boost::intrusive::list<TableUse, boost::intrusive::constant_time_size<false>> uses;
    uint32_t users = 0;                                     // spaces, by number; a set bit promises nothing
    Trace trace;                                            // while it is traced,
    std::unique_ptr<std::array<uint8_t, kPageSize>> known;  // or what its users were told last
    size_t place = 0;                                       // then: in unsynchronised_
    unsigned writes = 0;                                    // heard since it was traced
    unsigned quiet = 0;                                     // comparisons in a row that found nothing
};

PageTableTraces::PageTableTraces(Ram& ram, MemoryTracer& tracer, TableListener& listener, GuestMemory::Counts& counts)
    : ram_(ram),
      tracer_(tracer),
      listener_(listener),
      counts_(counts),
      unsynchronised_page_(ram.file_bytes() / kPageSize) {}

PageTableTraces::~PageTableTraces() {
    for (auto& [number, page] : pages_) page->uses.clear();
}

void PageTableTraces::add(TableUse& use, GuestPhys address) {
    auto& page = pages_[address.page_number()];
    if (!page) {
        page = std::make_unique<PageTablePage>();
        page->address = address.page();
        trace(*page);
    }
    if (use.directory && page->known) trace_again(*page);
    use.page = page.get();
    page->uses.push_back(use);
    page->users |= bit_of(*use.space);
}

void PageTableTraces::remove(TableUse& use) {
    PageTablePage& page = *use.page;
    const auto position = page.uses.iterator_to(use);
    if (telling_ == &page && cursor_ == position) ++cursor_;
    page.uses.erase(position);
    use.page = nullptr;
    if (page.uses.empty() && telling_ != &page) release(page);
}

void PageTableTraces::release(PageTablePage& page) {
    if (page.known) {
        unsynchronised_[page.place] = nullptr;
        unsynchronised_page_[page.address.page_number()] = false;
        --unsynchronised_count_;
    }
    pages_.erase(page.address.page_number());
}

bool PageTableTraces::reach(uint64_t place) const {
    return std::ranges::any_of(pages_, [&](const auto& page) { return page.first >= place / kPageSize; });
}

GuestPhys PageTableTraces::page_of(const TableUse& use) {
    return use.page->address;
}

// --- traced ---------------------------------------------------------------------------------------------------

void PageTableTraces::trace(PageTablePage& page) {
    page.writes = 0;
    page.trace = tracer_.memory_trace(page.address, kPageSize, TraceKind::PageTable,
                                      [this, &page](const TraceWrite& w) { written(page, w); });
}

void PageTableTraces::written(PageTablePage& page, const TraceWrite& write) {
    if (muted || !ram_.contains(write.address)) return;
    telling_ = &page;
    for (cursor_ = page.uses.begin(); cursor_ != page.uses.end();) {
        TableUse& use = *cursor_++;
        tell(use, write);
    }
    telling_ = nullptr;
    if (page.uses.empty()) return release(page);
    if (++page.writes >= kWritesHeard) let_go(page);
}

// A write may cover part of an entry or many entries: the old value is what memory holds now with the old
// bytes put back.
void PageTableTraces::tell(TableUse& use, const TraceWrite& write) {
    const uint64_t size = use.entry_bytes;
    const uint64_t begin = write.address.value, end = begin + write.length();
    for (uint64_t entry = begin & ~(size - 1); entry < end && use.page; entry += size) {
        uint64_t after = 0, before;
        memcpy(&after, ram_.host(GuestPhys(entry)), size);
        before = after;
        const uint64_t from = std::max(entry, begin), to = std::min(entry + size, end);
        memcpy(reinterpret_cast<uint8_t*>(&before) + (from - entry), &write.before[from - begin], to - from);
        if (before != after)
            listener_.entry_changed(use, static_cast<uint32_t>((entry % kPageSize) / size), before, after);
    }
}

// --- unsynchronised -------------------------------------------------------------------------------------------

void PageTableTraces::let_go(PageTablePage& page) {
    // Other traces would stop each write all the same.
    if (tracer_.kinds_on(page.address) != 1u << static_cast<unsigned>(TraceKind::PageTable)) return;
    if (std::any_of(page.uses.begin(), page.uses.end(), [](const TableUse& use) { return use.directory; })) return;
    if (unsynchronised_[next_]) trace_again(*unsynchronised_[next_]);
    page.known = std::make_unique<std::array<uint8_t, kPageSize>>();
    memcpy(page.known->data(), ram_.host(page.address), kPageSize);
    page.trace.reset();
    page.quiet = 0;
    page.place = next_;
    unsynchronised_[next_] = &page;
    unsynchronised_page_[page.address.page_number()] = true;
    next_ = (next_ + 1) % kMostUnsynchronised;
    ++unsynchronised_count_;
    ++counts_.tables_let_go;
}

void PageTableTraces::trace_again(PageTablePage& page) {
    compare(page, 0, kPageSize);
    page.known.reset();
    unsynchronised_[page.place] = nullptr;
    unsynchronised_page_[page.address.page_number()] = false;
    --unsynchronised_count_;
    trace(page);
    ++counts_.tables_traced_again;
}

// Tells what has changed in this part of the page; false if nothing has.
bool PageTableTraces::compare(PageTablePage& page, uint32_t from, uint32_t bytes) {
    const uint8_t* now = ram_.host(page.address);
    uint8_t* known = page.known->data();
    if (memcmp(known + from, now + from, bytes) == 0) return false;
    for (uint32_t at = from; at < from + bytes; at += kUnit) {
        if (memcmp(known + at, now + at, kUnit) == 0) continue;
        std::array<uint8_t, kUnit> before;
        memcpy(before.data(), known + at, kUnit);
        memcpy(known + at, now + at, kUnit);
        ++counts_.entries_found_changed;
        const TraceWrite write{page.address + at, before, {now + at, kUnit}, TraceRoad::Soft};
        for (TableUse& use : page.uses) tell(use, write);
    }
    return true;
}

void PageTableTraces::synchronise(const AddressSpace& space) {
    if (unsynchronised_count_ == 0) return;
    for (PageTablePage* page : unsynchronised_) {
        if (!page || !(page->users & bit_of(space))) continue;
        ++counts_.tables_compared;
        if (compare(*page, 0, kPageSize))
            page->quiet = 0;
        else if (++page->quiet == kQuietComparisons)
            trace_again(*page);
    }
}

void PageTableTraces::synchronise(const TableUse& table, uint32_t first, uint32_t count) {
    PageTablePage& page = *table.page;
    if (!page.known) return;
    const uint32_t from = first * table.entry_bytes & ~(kUnit - 1);
    const uint32_t end = ((first + count) * table.entry_bytes + kUnit - 1) & ~(kUnit - 1);
    compare(page, from, end - from);
}

const uint8_t* PageTableTraces::known(GuestPhys entry) const {
    if (!unsynchronised(entry)) return nullptr;
    return pages_.at(entry.page_number())->known->data() + entry.page_offset();
}

}  // namespace ringfold
