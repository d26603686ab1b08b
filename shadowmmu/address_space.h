// One guest address space: what is cached of it, kept while other address spaces run, and the page tables that this
// relies on.
#pragma once

#include <array>
#include <bitset>
#include <memory>
#include <vector>

#include "shadowmmu/cached_view.h"
#include "shadowmmu/page_table_trace.h"
#include "shadowmmu/page_walk.h"
#include "shadowmmu/window.h"

namespace ringfold {

// Of which views of a space the jump cache was emptied, because a page that it relied on is mapped otherwise now.
struct CodeLoss {
    bool user = false, supervisor = false;
    CodeLoss& operator|=(CodeLoss other) {
        user |= other.user;
        supervisor |= other.supervisor;
        return *this;
    }
};

class AddressSpace {
public:
    // What makes two loads of CR3 select the same page tables.
    struct Key {
        uint32_t cr3 = 0;
        bool paging = false, pae = false;
        bool operator==(const Key&) const = default;
        static Key of(const CpuState&);
    };

    AddressSpace(PageTableTraces& traces, unsigned number);
    ~AddressSpace();

    // Forgets everything and becomes the (still empty) space of `cpu`.
    void assign(const CpuState& cpu);
    // PAE: the CPU has just read its PDPTEs again; what depended on one that changed goes.
    CodeLoss refresh_pdptes(const CpuState& cpu);
    // From now on, changes to the entries that this mapping came from are heard. Comes before the mapping is used:
    // what others, or this space, knew of these entries otherwise is dropped first.
    void rely_on(GuestVirt a, const Mapping& mapping);
    // Drops what an unheard change of the tables has outdated, for some pages within one table.
    void synchronise(GuestVirt a, uint32_t pages = 1);
    // ... and for all of it.
    void synchronise() { traces_.synchronise(*this); }
    // The guest changed an entry.
    CodeLoss entry_changed(TableUse& use, uint32_t index, uint64_t before, uint64_t after);

    const Key& key() const { return key_; }
    const std::array<uint64_t, 4>& pdpte() const { return pdpte_; }

    // Window pages that the page tables no longer vouch for. The architecture lets them be used until INVLPG or
    // a load of CR3, so they are put right in one batch then.
    std::vector<uint32_t> take_stale_pages();  // sorted; none is left
    bool all_stale() const { return all_stale_; }
    bool is_stale(uint32_t page) const;
    void forget_stale_pages();

    const unsigned number;
    CachedView user;
    // A kernel without global pages: the supervisor's view, kept like the user's. Made when first needed.
    std::unique_ptr<CachedView> supervisor;
    // One with them: all spaces share a view. What that has of this space's other pages is kept true as well: in the
    // view while the space is current (`shared` is set), and put aside here while another one is.
    CachedView* shared = nullptr;
    std::vector<CachedView::SlotCopy> slots_aside;
    template <class F>
    void for_own_views(F f) {
        f(user);
        if (supervisor) f(*supervisor);
    }
    uint64_t last_used = 0;
    SpaceNote note;
    Window* window = nullptr;  // lent by the window cache

private:
    static constexpr uint32_t kMostDirectoryEntries = 2048;  // PAE: 4 directories of 512

    void forget();
    CodeLoss drop(GuestVirt from, uint64_t bytes);
    void drop_writing(GuestVirt from, uint64_t bytes);
    void note_stale(GuestVirt from, uint64_t bytes);
    void release_directory_entry(uint32_t number);
    unsigned entry_shift() const { return key_.pae ? 21 : 22; }

    // With more than this the whole window goes: one system call instead of many.
    static constexpr size_t kMostStalePages = 1024;

    PageTableTraces& traces_;
    Key key_;
    std::array<uint64_t, 4> pdpte_{};
    std::array<TableUse, 4> directory_;
    std::vector<TableUse> table_;                   // by directory entry, over all directories
    std::bitset<kMostDirectoryEntries> relied_on_;  // directory entries that something cached came from
    std::vector<uint32_t> stale_;
    bool all_stale_ = false;
};

}  // namespace ringfold
