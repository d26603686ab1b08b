// Traces on page-table pages: made with the first use of a page, gone with the last, and turned into
// "this entry changed from this to that".
#include "shadowmmu/page_table_trace.h"

#include <algorithm>
#include <cstring>

namespace ringfold {

struct PageTablePage {
    GuestPhys address;
    boost::intrusive::list<TableUse, boost::intrusive::constant_time_size<false>> uses;
    Trace trace;
};

PageTableTraces::PageTableTraces(Ram& ram, MemoryTracer& tracer, TableListener& listener)
    : ram_(ram), tracer_(tracer), listener_(listener) {}

PageTableTraces::~PageTableTraces() {
    for (auto& [number, page] : pages_) page->uses.clear();
}

void PageTableTraces::add(TableUse& use, GuestPhys address) {
    auto& page = pages_[address.page_number()];
    if (!page) {
        page = std::make_unique<PageTablePage>();
        page->address = address.page();
        page->trace = tracer_.memory_trace(address.page(), kPageSize, TraceKind::PageTable,
                                           [this, p = page.get()](const TraceWrite& w) { written(*p, w); });
    }
    use.page = page.get();
    page->uses.push_back(use);
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
    pages_.erase(page.address.page_number());
}

GuestPhys PageTableTraces::page_of(const TableUse& use) {
    return use.page->address;
}

void PageTableTraces::written(PageTablePage& page, const TraceWrite& write) {
    if (muted || !ram_.contains(write.address)) return;
    telling_ = &page;
    for (cursor_ = page.uses.begin(); cursor_ != page.uses.end();) {
        TableUse& use = *cursor_++;
        tell(use, write);
    }
    telling_ = nullptr;
    if (page.uses.empty()) release(page);
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

}  // namespace ringfold
