// Which guest pages hold page tables that something cached relies on, and who is told when an entry changes.
//
// One trace per page-table page, however many address spaces use it. It knows nothing of what an entry means.
#pragma once

#include <memory>
#include <unordered_map>

#include <boost/intrusive/list.hpp>

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
    // The guest changed entry `index` of the page behind `use`. Any use may be removed from here; none added.
    virtual void entry_changed(TableUse& use, uint32_t index, uint64_t before, uint64_t after) = 0;
};

class PageTableTraces {
public:
    PageTableTraces(Ram& ram, MemoryTracer& tracer, TableListener& listener);
    ~PageTableTraces();

    void add(TableUse& use, GuestPhys page);
    void remove(TableUse& use);
    static GuestPhys page_of(const TableUse& use);

    // While this is positive, writes to page tables are the monitor's own (A and D bits) and change nothing.
    unsigned muted = 0;

private:
    void written(PageTablePage& page, const TraceWrite& write);
    void tell(TableUse& use, const TraceWrite& write);
    void release(PageTablePage& page);

    Ram& ram_;
    MemoryTracer& tracer_;
    TableListener& listener_;
    std::unordered_map<uint64_t, std::unique_ptr<PageTablePage>> pages_;  // by page number
    // Where written() stands, so that remove() can step it past a use that goes away.
    PageTablePage* telling_ = nullptr;
    boost::intrusive::list<TableUse, boost::intrusive::constant_time_size<false>>::iterator cursor_;
};

}  // namespace ringfold
