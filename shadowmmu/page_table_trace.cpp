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

uint64_t load_unit(const uint8_t* from) {
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

// What this unit of memory held before a write that covers some of its bytes.
uint64_t with_old_bytes(uint64_t after, uint64_t unit, const TraceWrite& write) {
    const uint64_t begin = write.address.value;
    for (uint64_t at = std::max(unit, begin); at < std::min(unit + kUnit, begin + write.length()); ++at) {
        const unsigned shift = 8 * static_cast<unsigned>(at - unit);
        after = (after & ~(uint64_t{0xff} << shift)) | uint64_t{write.before[at - begin]} << shift;
    }
    return after;
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
    const uint64_t first = write.address.value & ~uint64_t{kUnit - 1};
    telling_ = &page;
    for (uint64_t unit = first; unit < write.address.value + write.length(); unit += kUnit) {
        const uint64_t after = load_unit(ram_.host(GuestPhys(unit)));
        const uint64_t before = with_old_bytes(after, unit, write);
        for (cursor_ = page.uses.begin(); cursor_ != page.uses.end();) {
            TableUse& use = *cursor_++;
            tell(use, static_cast<uint32_t>(unit % kPageSize), before, after);
        }
    }
    telling_ = nullptr;
    if (page.uses.empty()) return release(page);
    if (++page.writes >= kWritesHeard) let_go(page);
}

// The unit at this offset in the page has changed, or may have: one entry or two.
void PageTableTraces::tell(TableUse& use, uint32_t at, uint64_t before, uint64_t after) {
    if (use.entry_bytes == 8) {
        if (before != after) listener_.entry_changed(use, at / 8, before, after);
        return;
    }
    for (uint32_t index = at / 4; index < at / 4 + 2 && use.page; ++index, before >>= 32, after >>= 32) {
        const auto was = static_cast<uint32_t>(before), is = static_cast<uint32_t>(after);
        if (was != is) listener_.entry_changed(use, index, was, is);
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
    if (bytes > kUnit && memcmp(known + from, now + from, bytes) == 0) return false;
    bool changed = false;
    for (uint32_t at = from; at < from + bytes; at += kUnit) {
        const uint64_t before = load_unit(known + at), after = load_unit(now + at);
        if (before == after) continue;
        memcpy(known + at, &after, kUnit);
        ++counts_.entries_found_changed;
        for (TableUse& use : page.uses) tell(use, at, before, after);
        changed = true;
    }
    return changed;
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
