// The inside of GuestMemory, shared by its source files: guest_memory.cpp (accesses), guest_memory_paging.cpp
// (walks, views and what the guest does to paging), guest_memory_windows.cpp and audit.cpp.
#pragma once

#include <memory>
#include <vector>

#include "shadowmmu/address_space.h"
#include "shadowmmu/guest_memory.h"
#include "shadowmmu/window_cache.h"

namespace ringfold {

// Where one byte lies. `host` is null outside RAM.
struct Place {
    uint8_t* host;
    GuestPhys physical;
};

// The control bits that change what a walk answers.
struct PagingMode {
    bool paging = false, wp = false, pae = false, pse = false, pge = false, nxe = false, a20 = true;
    bool operator==(const PagingMode&) const = default;
    static PagingMode of(const CpuState&);
};

struct GuestMemory::Impl final : PageTableAccess, TableListener {
    // With the supervisor's they are one bit each in `writers`.
    static constexpr size_t kUserViews = 31;

    Impl(GuestMemory& owner, Ram& ram, MmioIo& mmio, MemoryTracer& tracer, CpuState& state);
    ~Impl() override;

    // --- walks --------------------------------------------------------------------------------------------
    // A guest's own access: A and D are set, a fault is counted, and user mappings are relied on from now on.
    std::variant<Mapping, PageFault> walk(GuestVirt a, Access access, Privilege p);
    // Puts the page in the current view of that privilege, if it is RAM.
    void enter(GuestVirt a, const Mapping& mapping, Privilege p);
    bool may_write(const Mapping& mapping, Privilege p) const;
    // Host address of a byte whose page's slot allows the access; null if there is no such slot.
    uint8_t* find_cached(GuestVirt a, Access access, Privilege p);
    // Finds one byte for an access, through the soft TLB if it can.
    Place place(GuestVirt a, Access access, Privilege p);
    // Walks each page of an access, so that a fault comes before any effect.
    void check(GuestVirt a, uint32_t size, Access access, Privilege p);

    // --- physical accesses, each within one page ----------------------------------------------------------
    void load(const Place& from, void* to, uint32_t size);
    void store(const Place& to, const void* from, uint32_t size, TraceRoad road);
    void store_ram(GuestPhys to, const void* from, uint32_t size, TraceRoad road);

    GuestPhys place(GuestPhys physical) override { return ram.place(physical); }
    uint64_t read_entry(GuestPhys address, unsigned size) override;
    void set_entry_bits(GuestPhys address, unsigned size, uint64_t bits) override;

    // --- views ---------------------------------------------------------------------------------------------
    CachedView& cached(Privilege p) { return p == Privilege::User ? space->user : *supervisor; }
    uint32_t writer_bit(Privilege p) const;
    // Does each space have a supervisor view of its own? Where nothing is global, nothing is worth sharing.
    bool supervisor_views_apart() const { return mode.paging && !mode.pge && !pge_is_away; }
    struct Moved {
        bool user, supervisor;  // another view is current than before
    };
    // Makes the views of the current CR3 current.
    Moved select_space();
    AddressSpace& space_for(const AddressSpace::Key& key);
    void forget_spaces();
    void entry_changed(TableUse& use, uint32_t index, uint64_t before, uint64_t after) override;
    void tell(CodeLoss lost);  // of the current space
    // The shared view's slots of the current space are put aside, and come back.
    void leave_space();
    void enter_space();
    // Empties the jump cache if code on that page is mapped otherwise than when it entered.
    void recheck_code(GuestVirt a, Privilege p);
    void recheck_non_global_code();
    std::vector<uint32_t> moved_supervisor_code();
    bool still_code(uint32_t page, uint64_t frame, Privilege p);
    void drop_code(Privilege p);
    void drop_code(std::span<const uint32_t> pages, Privilege p);
    // --- windows -------------------------------------------------------------------------------------------
    Window& window(Privilege p) { return p == Privilege::User ? windows.user(*space, space) : windows.supervisor(); }
    // What a window may show there without a fault of the guest's, by a walk of `cpu`'s tables that leaves no mark.
    WindowPage desired(const CpuState& cpu, uint32_t page, Privilege p);
    WindowPage desired(const Mapping& mapping, Privilege p) const;
    bool has_place(uint32_t page) const { return !windows.shared() || windows.shared()->holds(page); }
    Privilege shown_to(const Mapping& mapping, Privilege p) const;
    WindowPage still_granted(uint32_t page, Privilege p);
    bool map_large(Window& window, GuestVirt a, const Mapping& mapping, Privilege p);
    bool map_small(Window& window, GuestVirt a, const Mapping& mapping, Privilege p);
    void map_touched(Window& window, uint32_t first, uint32_t count, Privilege p);
    // Takes from these pages (ascending), where mapped, what the page tables no longer grant.
    void refresh(Window& window, std::span<const uint32_t> pages, Privilege p);
    void refresh_range(Window& window, uint32_t first, uint32_t count, Privilege p);
    void settle_user_window();
    void invalidate_window_page(GuestVirt a);

    // --- guest_memory_display.cpp --------------------------------------------------------------------------
    void drop_display(const Ram::DisplayWindow&);
    void drop_devices();
    void drop_code_beside_ram();

    // --- audit.cpp -----------------------------------------------------------------------------------------
    // `told`: of every change, as the views of spaces are; of the shared one's global pages nobody tells.
    std::string audit_view(const CachedView& cached, const CpuState& cpu, Privilege p, bool told, bool globals);
    std::string audit_slots_aside(const AddressSpace& holder, const CpuState& cpu);
    std::string audit_window(const Window& window, const CpuState& cpu, const AddressSpace* holder);

    void code_lost(Privilege p) {
        if (listener) listener->code_mapping_changed(p);
    }
    void code_page_lost(GuestVirt page, Privilege p) {
        if (listener) listener->code_page_changed(p, page);
    }
    void views_changed(Moved moved) {
        if (!listener) return;
        if (moved.user) listener->view_changed(Privilege::User);
        if (moved.supervisor) listener->view_changed(Privilege::Supervisor);
    }

    GuestMemory& owner;
    Ram& ram;
    MmioIo& mmio;
    MemoryTracer& tracer;
    CpuState& state;
    MappingListener* listener = nullptr;
    Counts counts;
    PagingMode mode;

    WindowCache windows;
    PageTableTraces traces;
    CachedView shared;                  // the supervisor's, if there are global pages
    CachedView* supervisor = &shared;   // the current one
    // CR4.PGE was cleared, and CR3 not loaded since: a kernel flushes all by clearing it for a moment, so the supervisor
    // window and what runs in it are only looked at. They go at a load of CR3.
    bool pge_is_away = false;
    std::vector<std::unique_ptr<AddressSpace>> spaces;
    AddressSpace* space = nullptr;  // the current one
    uint64_t uses = 0;              // the clock of AddressSpace::last_used
    // By physical page: the views that may have a writing slot for it. Bits are set when one enters and cleared
    // by protect(), so a set bit promises nothing.
    std::vector<uint32_t> writers;
};

}  // namespace ringfold
