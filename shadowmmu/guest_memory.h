// Guest memory by linear address: the one way in for the interpreter, for translated code that misses its TLB,
// and for the monitor. It owns the views (soft TLBs), keeps them true to the guest's page tables by traces, and
// has every write to a traced page heard.
//
// Paging state (CR0, CR3, CR4, EFER, PDPTEs) is read from CpuState. Whoever changes one of them calls the
// matching function below afterwards.
#pragma once

#include <array>
#include <concepts>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>

#include "shadowmmu/page_walk.h"
#include "shadowmmu/ram.h"
#include "shadowmmu/view.h"
#include "tracing/memory_trace.h"
#include "vmm/base/cpu_state.h"
#include "vmm/base/fault.h"
#include "vmm/base/io.h"

namespace ringfold {

// How a fill of the soft TLB or of a window ended.
enum class Fill : uint8_t {
    Ram,      // cached: the same access will now hit
    Special,  // allowed, but device memory, a write to a traced page, or astride two pages: one at a time
    Fault,    // the guest's own page fault
};

// Told when translated code loses what it relied on.
class MappingListener {
public:
    virtual ~MappingListener() = default;
    // Any code may be mapped otherwise now in the current view of that privilege, whose jump cache has been emptied already.
    virtual void code_mapping_changed(Privilege) = 0;
    // Only that on this page may, and what begins on the page before and ends on it.
    virtual void code_page_changed(Privilege, GuestVirt page) = 0;
    // Another view is current for that privilege, that of another address space or paging mode: nothing that was found
    // through the one before may be used, host return addresses neither.
    virtual void view_changed(Privilege) = 0;
};

// What the translator keeps with a user address space. All zero again once nothing that was cached of the space is left,
// as when its process has ended.
struct SpaceNote {
    uint64_t executions = 0;  // of its hot blocks, soft as they are, until it has direct accesses
    bool direct = false;
};

struct WindowPlace;

class GuestMemory final : public PhysicalMemory, public PageGuard {
public:
    GuestMemory(Ram& ram, MmioIo& mmio, MemoryTracer& tracer, CpuState& state);
    ~GuestMemory() override;

    void set_listener(MappingListener* listener);

    // --- by linear address; throw GuestFault (#PF) with nothing changed but A and D bits ---------------------
    template <std::unsigned_integral T>
    T read(GuestVirt a, Privilege p) {
        View& v = view(p);
        const uint32_t i = SoftTlb::index(a);
        if (!SoftTlb::hits(v.tlb.read_bias[i], a, sizeof(T))) [[unlikely]] {
            T value{};
            read_slow(a, &value, sizeof(T), p);
            return value;
        }
        T value;
        memcpy(&value, reinterpret_cast<const void*>(a.value + v.tlb.addend[i]), sizeof(T));
        return value;
    }
    template <std::unsigned_integral T>
    void write(GuestVirt a, T value, Privilege p) {
        View& v = view(p);
        const uint32_t i = SoftTlb::index(a);
        if (!SoftTlb::hits(v.tlb.write_bias[i], a, sizeof(T))) [[unlikely]]
            return write_slow(a, &value, sizeof(T), p);
        memcpy(reinterpret_cast<void*>(a.value + v.tlb.addend[i]), &value, sizeof(T));
    }
    // Any size, across any pages; a fault on a later page leaves nothing written.
    void read_bytes(GuestVirt a, void* to, uint32_t size, Privilege p) { read_slow(a, to, size, p); }
    void write_bytes(GuestVirt a, const void* from, uint32_t size, Privilege p) { write_slow(a, from, size, p); }
    // Faults as a write of `size` bytes would, and sets A and D, but writes nothing.
    void check_write(GuestVirt a, uint32_t size, Privilege p);
    // Copies up to to.size() instruction bytes, stopping at the first page that cannot be fetched from; throws
    // only if the first byte cannot. Returns the number copied.
    uint32_t fetch(GuestVirt a, std::span<uint8_t> to, Privilege p);

    // --- for the translator --------------------------------------------------------------------------------
    // Makes the access possible inline. On Fault, *fault says which; on Ram the view's soft TLB now hits.
    Fill fill(GuestVirt a, unsigned size, Access access, Privilege p, GuestFault* fault);
    // The bus address of device memory there, if it was accessed lately and the page's rights allow this without a walk;
    // else kNoDevice. The access must not cross a page. (A std::optional would pass through memory, at 15 cycles.)
    static constexpr GuestPhys kNoDevice{~uint64_t{0}};
    GuestPhys known_device(GuestVirt a, Access access, Privilege p) const;
    MmioIo& mmio();
    // Physical address of an instruction fetch, with its page fault if it has one.
    std::variant<Mapping, GuestFault> code_mapping(GuestVirt a, Privilege p);
    // To be called when a translation of code on the page of `a`, found through code_mapping(), enters the jump
    // cache of that privilege's view (for both pages, if the translation spans two). Once the page is mapped
    // otherwise the jump cache is emptied.
    void note_code_page(GuestVirt a, Privilege p, const Mapping& mapping);
    // Empties the jump cache of every view: host code is about to go.
    void forget_code();
    // ... of the current user view.
    void forget_user_code();
    SpaceNote& space_note() const;  // of the current address space
    // The view that is current for this privilege. The reference holds until view_changed().
    View& view(Privilege p) { return *current_[static_cast<size_t>(p)]; }
    // A look without side effects, for debuggers and logs; nullopt if not mapped.
    std::optional<GuestPhys> debug_translate(GuestVirt a) const;
    bool debug_read(GuestVirt a, std::span<uint8_t> to) const;

    // --- direct access: windows (see window.h) --------------------------------------------------------------
    // Host address that mirrors linear address 0 in the current window of this privilege.
    uint8_t* window_base(Privilege p);
    // ... in a window that never shows anything, for an address space without one.
    uint8_t* no_window_base();
    // The windows share one place from now on, where user pages are the supervisor's too; nullopt: no longer.
    void share_window(const std::optional<WindowPlace>& place);
    // In a shared place: no page that only the supervisor may see is mapped below this linear address.
    uint64_t supervisor_window_floor() const;
    void empty_supervisor_window();
    // Called for a host fault inside a window: maps the page (and its neighbours) if the guest's tables allow.
    Fill fill_window(GuestVirt a, Access access, Privilege p, GuestFault* fault);

    // --- what the guest does to paging ----------------------------------------------------------------------
    // MOV CR3 and task switches, after state.cr3 is set (PDPTEs loaded by load_pdptes before), and whatever else loads
    // PDPTEs. Non-global entries go, or rather: the views of that address space are selected, and are true.
    void cr3_loaded();
    // Reads the four PDPTEs into `out` from `cr3`; false if a reserved bit is set (#GP(0) to the guest).
    bool load_pdptes(uint32_t cr3, std::array<uint64_t, 4>& out);
    // CR0.PG or WP, CR4.PAE, PSE or PGE, EFER.NXE changed: forget everything.
    void paging_mode_changed();
    void a20_changed();         // state.address_mask did
    void invalidate_page(GuestVirt a);  // INVLPG
    // From one number to the same one, none of the addresses told to heed_flushes() has come to mean another place.
    uint64_t flushes() const { return flushes_; }
    void heed_flushes(GuestVirt a) { flushes_heeded_ |= uint64_t{1} << flush_bit(a); }

    // --- physical -------------------------------------------------------------------------------------------
    bool dma_read(GuestPhys from, std::span<uint8_t> to) override;
    bool dma_write(GuestPhys to, std::span<const uint8_t> from) override;
    // A write within a page by its place, see Ram::place().
    void dma_write_place(GuestPhys place, std::span<const uint8_t> from);
    Ram& ram() { return ram_; }
    MemoryTracer& tracer() { return tracer_; }

    // The display's memory is found there from now on, and nowhere else.
    void show_display(std::span<const Ram::DisplayWindow> windows);

    void protect(GuestPhys page) override;
    void protect(GuestPhys first, uint32_t pages) override;
    void unprotect(GuestPhys page) override;

    struct Counts {
        uint64_t tlb_fills = 0, tlb_special = 0, page_faults = 0;  // page faults: true ones found by the walk
        uint64_t hidden_faults = 0, window_maps = 0, window_unmaps = 0, window_evictions = 0, window_mappings = 0;
        uint64_t cr3_loads = 0, cr3_known = 0, views_evicted = 0, invlpg = 0;
        // Page tables that became unsynchronised, and that ceased to be; what comparing whole ones found.
        uint64_t tables_let_go = 0, tables_traced_again = 0, tables_compared = 0, entries_found_changed = 0;
    };
    const Counts& counts() const;

    // Marks accesses by which road they come, for traces; RAII around interpreter calls made for soft misses.
    void set_road(TraceRoad road) { road_ = road; }
    TraceRoad road() const { return road_; }

    // Compares all that is cached with fresh walks and tells the first difference; empty if there is none. For
    // tests and debugging. User views are true always; windows of the current space after cr3_loaded() or
    // invalidate_page(); the supervisor's global pages only when each that changed has had its invalidate_page()
    // or a global flush, which Linux puts off for vmalloc: `globals` false leaves them out.
    std::string audit(bool globals = true);

private:
    void read_slow(GuestVirt a, void* to, uint32_t size, Privilege p);
    void write_slow(GuestVirt a, const void* from, uint32_t size, Privilege p);

    Ram& ram_;
    MemoryTracer& tracer_;
    std::array<View*, 2> current_{};
    // INVLPG counts as a flush if this bit of its address is set. Largest pages count as one.
    static unsigned flush_bit(GuestVirt a) { return a.value >> 22 & 63; }

    uint64_t flushes_ = 0, flushes_heeded_ = 0;
    TraceRoad road_ = TraceRoad::Interpreter;
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ringfold
