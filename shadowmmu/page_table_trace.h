// Which guest pages hold page tables that something cached relies on, and who is told when an entry changes.
//
// A page is either *traced*: each write is heard and told at once. Or, once it is being written, *unsynchronised*:
// writes go unheard, and what changed is found by comparing the page with a snapshot of what was told last. The
// architecture allows that: what is cached may be stale until INVLPG or a load of CR3. Whatever is cached was
// allowed by the entry as its users know it, that is, by the snapshot where there is one; synchronise() must
// therefore come before relying on an entry as it is in memory.
//
// Only tables become unsynchronised. Directories change seldom, and what their traces release must go at once.
// Nothing here knows what an entry means.
#pragma once

#include <array>
#include <memory>
#include <unordered_map>
#include <vector>

#include <boost/intrusive/list.hpp>

#include "shadowmmu/guest_memory.h"
#include "shadowmmu/ram.h"
#include "tracing/memory_trace.h"

namespace ringfold {

class AddressSpace;
struct PageTablePage;

// "This address space translates the linear range that begins at `linear` through this page." Lives in the
// address space; `page` is null while unused.
struct TableUse : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> {
    AddressSpace* space = nullptr;
    PageTablePage* page = nullptr;
    uint32_t linear = 0;
    bool directory = false;   // its entries each stand for a whole table or a large page
    uint8_t entry_bytes = 4;  // 8 under PAE
};

class TableListener {
public:
    virtual ~TableListener() = default;
    // The guest changed entry `index` of the page behind `use`. None may be added from here; those of a traced
    // page may be removed, and no others when an entry of a table changed.
    virtual void entry_changed(TableUse& use, uint32_t index, uint64_t before, uint64_t after) = 0;
};

class PageTableTraces {
public:
    // Of the tables written lately. One more, and the oldest is traced again.
    static constexpr size_t kMostUnsynchronised = 32;

    PageTableTraces(Ram& ram, MemoryTracer& tracer, TableListener& listener, GuestMemory::Counts& counts);
    ~PageTableTraces();

    void add(TableUse& use, GuestPhys page);
    void remove(TableUse& use);
    static GuestPhys page_of(const TableUse& use);
    // Is some table at this place or beyond?
    bool reach(uint64_t place) const;

    // Everything that this space uses is known as it is in memory from here on. Pages that were found unchanged
    // a few times in a row are traced again.
    void synchronise(const AddressSpace& space);
    // ... the entries [first, first + count) of a table.
    void synchronise(const TableUse& table, uint32_t first, uint32_t count = 1);

    bool unsynchronised(GuestPhys page) const {
        const uint64_t number = page.page_number();
        return number < unsynchronised_page_.size() && unsynchronised_page_[number];
    }
    // The entry as its users know it, where that may differ from memory; null where it cannot.
    const uint8_t* known(GuestPhys entry) const;

    // While this is positive, writes to page tables are the monitor's own (A and D bits) and change nothing.
    unsigned muted = 0;

private:
    void written(PageTablePage& page, const TraceWrite& write);
    void tell(TableUse& use, uint32_t at, uint64_t before, uint64_t after);
    void release(PageTablePage& page);
    void trace(PageTablePage& page);
    void let_go(PageTablePage& page);
    void trace_again(PageTablePage& page);
    bool compare(PageTablePage& page, uint32_t from, uint32_t bytes);

    Ram& ram_;
    MemoryTracer& tracer_;
    TableListener& listener_;
    GuestMemory::Counts& counts_;
    std::unordered_map<uint64_t, std::unique_ptr<PageTablePage>> pages_;  // by page number
    std::array<PageTablePage*, kMostUnsynchronised> unsynchronised_{};    // round and round, with gaps
    size_t next_ = 0, unsynchronised_count_ = 0;
    std::vector<bool> unsynchronised_page_;  // by page number
    // Where written() stands, so that remove() can step it past a use that goes away.
    PageTablePage* telling_ = nullptr;
    boost::intrusive::list<TableUse, boost::intrusive::constant_time_size<false>>::iterator cursor_;
};

}  // namespace ringfold
