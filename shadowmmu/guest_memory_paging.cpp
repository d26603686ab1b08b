// Walks on behalf of the guest, the views that cache them, and what MOV CR3, INVLPG and mode changes do to these.
#include <cstring>
#include <utility>

#include "shadowmmu/guest_memory_impl.h"
#include "vmm/base/log.h"
#include "vmm/host/crash_report.h"

namespace ringfold {

PagingMode PagingMode::of(const CpuState& cpu) {
    return {.paging = cpu.paging(),
            .wp = (cpu.cr0 & cr0::WP) != 0,
            .pae = (cpu.cr4 & cr4::PAE) != 0,
            .pse = (cpu.cr4 & cr4::PSE) != 0,
            .pge = (cpu.cr4 & cr4::PGE) != 0,
            .nxe = (cpu.efer & efer::NXE) != 0,
            .a20 = (cpu.address_mask & kA20) != 0};
}

GuestMemory::Impl::Impl(GuestMemory& o, Ram& r, MmioIo& m, MemoryTracer& t, CpuState& s)
    : owner(o),
      ram(r),
      mmio(m),
      tracer(t),
      state(s),
      mode(PagingMode::of(s)),
      windows(r, counts),
      traces(r, t, *this, counts),
      writers(r.file_bytes() / kPageSize) {}

GuestMemory::Impl::~Impl() = default;

// --- walks ----------------------------------------------------------------------------------------------------

std::variant<Mapping, PageFault> GuestMemory::Impl::walk(GuestVirt a, Access access, Privilege p) {
    auto answer = page_walk(*this, state, a, access, p);
    if (const auto* mapping = std::get_if<Mapping>(&answer)) {
        if (access == Access::Write) tracer.first_write(mapping->physical, owner.road_);
        if (p == Privilege::User || !mapping->global) space->rely_on(a, *mapping);
    } else {
        ++counts.page_faults;
    }
    return answer;
}

bool GuestMemory::Impl::may_write(const Mapping& mapping, Privilege p) const {
    return mapping.dirty && (mapping.writable || (p == Privilege::Supervisor && !mode.wp));
}

void GuestMemory::Impl::enter(GuestVirt a, const Mapping& mapping, Privilege p) {
    const GuestPhys page = mapping.physical.page();
    uint8_t flags = 0;
    if (may_write(mapping, p)) flags |= CachedView::kMayWrite;
    if (mapping.executable) flags |= CachedView::kMayExecute;
    if (!mapping.global) flags |= CachedView::kNonGlobal;
    const bool large = mapping.page_bytes > kPageSize;
    if (!ram.contains(page)) return cached(p).enter_device(a.page(), page, flags, large);
    const bool write_inline = (flags & CachedView::kMayWrite) && !tracer.traced(page);
    if (write_inline) writers[page.page_number()] |= writer_bit(p);
    cached(p).enter(a.page(), ram.host(page), flags, write_inline, large);
    log::print(log::Mmu, "mmu: fill {} {:08x} -> {:09x}{}{}\n", p == Privilege::User ? "user" : "supervisor",
               a.page().value, page.value, write_inline ? " writable" : "", mapping.global ? " global" : "");
}

uint32_t GuestMemory::Impl::writer_bit(Privilege p) const {
    return p == Privilege::Supervisor && supervisor == &shared ? 1u : 2u << space->number;
}

uint64_t GuestMemory::Impl::read_entry(GuestPhys address, unsigned size) {
    const bool there = ram.contains(address);
    if (size == 4) {
        uint32_t value = ~uint32_t{0};
        if (there) memcpy(&value, ram.host(address), sizeof value);
        return value;
    }
    uint64_t value = ~uint64_t{0};
    if (there) memcpy(&value, ram.host(address), sizeof value);
    return value;
}

// The bits go in unheard by page-table traces, but a page that is also watched as code or as a descriptor table
// did change.
void GuestMemory::Impl::set_entry_bits(GuestPhys address, unsigned size, uint64_t bits) {
    if (!ram.contains(address)) return;
    const uint64_t value = read_entry(address, size) | bits;
    constexpr auto kPageTableOnly = 1u << static_cast<unsigned>(TraceKind::PageTable);
    if ((tracer.kinds_on(address) & ~kPageTableOnly) == 0) {
        memcpy(ram.host(address), &value, size);
        return;
    }
    ++traces.muted;
    store_ram(address, &value, size, owner.road_);
    --traces.muted;
}

// --- views ----------------------------------------------------------------------------------------------------

AddressSpace& GuestMemory::Impl::space_for(const AddressSpace::Key& key) {
    if (space && space->key() == key) {
        ++counts.cr3_known;
        return *space;
    }
    AddressSpace* oldest = nullptr;
    for (auto& candidate : spaces) {
        if (candidate->key() == key) {
            ++counts.cr3_known;
            return *candidate;
        }
        if (candidate.get() != space && (!oldest || candidate->last_used < oldest->last_used)) oldest = candidate.get();
    }
    if (spaces.size() < kUserViews) {
        spaces.push_back(std::make_unique<AddressSpace>(traces, static_cast<unsigned>(spaces.size())));
        oldest = spaces.back().get();
    } else {
        ++counts.views_evicted;
    }
    oldest->assign(state);
    return *oldest;
}

GuestMemory::Impl::Moved GuestMemory::Impl::select_space() {
    AddressSpace& next = space_for(AddressSpace::Key::of(state));
    next.last_used = ++uses;
    const bool apart = supervisor_views_apart();
    if (space && space->shared && (apart || &next != space)) leave_space();
    if (apart && !next.supervisor) next.supervisor = std::make_unique<CachedView>();
    CachedView* const next_supervisor = apart ? next.supervisor.get() : &shared;
    const Moved moved{std::exchange(space, &next) != &next, std::exchange(supervisor, next_supervisor) != next_supervisor};
    for (const Privilege p : {Privilege::Supervisor, Privilege::User}) owner.current_[static_cast<size_t>(p)] = &cached(p).view;
    const CodeLoss lost = space->refresh_pdptes(state);
    space->synchronise();
    if (!apart && !space->shared) enter_space();
    settle_user_window();
    tell(lost);
    return moved;
}

void GuestMemory::Impl::leave_space() {
    shared.take_non_global(space->slots_aside);
    space->shared = nullptr;
}

void GuestMemory::Impl::enter_space() {
    for (const auto& [page, host, flags] : space->slots_aside) {
        const GuestPhys physical = ram.physical(host);
        const bool write_inline = (flags & CachedView::kMayWrite) && !tracer.traced(physical);
        if (write_inline) writers[physical.page_number()] |= writer_bit(Privilege::Supervisor);
        shared.enter(page, host, flags, write_inline, false);
    }
    space->slots_aside.clear();
    space->shared = &shared;
}

void GuestMemory::Impl::forget_spaces() {
    spaces.clear();
    space = nullptr;
    supervisor = &shared;
}

void GuestMemory::Impl::tell(CodeLoss lost) {
    if (lost.user) code_lost(Privilege::User);
    if (lost.supervisor && supervisor == space->supervisor.get()) code_lost(Privilege::Supervisor);
}

void GuestMemory::Impl::entry_changed(TableUse& use, uint32_t index, uint64_t before, uint64_t after) {
    const CodeLoss lost = use.space->entry_changed(use, index, before, after);
    if (use.space == space) tell(lost);
}

// With A clear the next fetch has to set it, and so must be heard of.
bool GuestMemory::Impl::still_code(uint32_t page, uint64_t frame, Privilege p) {
    auto answer = page_walk(*this, state, GuestVirt(page * kPageSize), Access::Execute, p, false);
    auto* mapping = std::get_if<Mapping>(&answer);
    if (!mapping || !mapping->accessed || mapping->physical.page_number() != frame) return false;
    mapping->global |= mapping->marked_global && pge_is_away;
    cached(p).note_code_page(GuestVirt(page * kPageSize), *mapping);  // it may be a large or a global one now
    return true;
}

void GuestMemory::Impl::drop_code(Privilege p) {
    log::print(log::Mmu, "mmu: all {} code forgotten\n", p == Privilege::User ? "user" : "supervisor");
    cached(p).drop_jumps();
    code_lost(p);
}

void GuestMemory::Impl::drop_code(std::span<const uint32_t> pages, Privilege p) {
    constexpr size_t kMostPages = 16;  // with more of them it is cheaper to look up again what runs
    if (pages.size() > kMostPages) return drop_code(p);
    for (const uint32_t page : pages) {
        const GuestVirt at(page * kPageSize);
        log::print(log::Mmu, "mmu: {} code of {:08x} forgotten\n", p == Privilege::User ? "user" : "supervisor", at.value);
        cached(p).drop_code_page(at);
        code_page_lost(at, p);
    }
}

void GuestMemory::Impl::recheck_code(GuestVirt a, Privilege p) {
    std::vector<uint32_t> moved;
    for (const auto& [page, frame] : cached(p).code_pages_invalidated_by(a))
        if (!still_code(page, frame, p)) moved.push_back(page);
    drop_code(moved, p);
}

// A kernel with global pages has a few others.
void GuestMemory::Impl::recheck_non_global_code() {
    constexpr size_t kMostPages = 64;
    if (supervisor != &shared) return;  // those of spaces are kept true by traces
    const auto& code = shared.non_global_code();
    if (code.size() > kMostPages) return drop_code(Privilege::Supervisor);
    std::vector<uint32_t> moved;
    for (const uint32_t page : std::vector(code.begin(), code.end()))
        if (!still_code(page, shared.code_pages().at(page), Privilege::Supervisor)) moved.push_back(page);
    drop_code(moved, Privilege::Supervisor);
}

std::vector<uint32_t> GuestMemory::Impl::moved_supervisor_code() {
    std::vector<uint32_t> moved;
    for (const auto& [page, frame] : supervisor->code_pages())
        if (!still_code(page, frame, Privilege::Supervisor)) moved.push_back(page);
    return moved;
}

void GuestMemory::forget_code() {
    impl_->shared.drop_jumps();
    for (auto& space : impl_->spaces) space->for_own_views([](CachedView& view) { view.drop_jumps(); });
}

void GuestMemory::forget_user_code() {
    impl_->space->user.drop_jumps();
}

SpaceNote& GuestMemory::space_note() const {
    return impl_->space->note;
}

// --- what the guest does to paging ----------------------------------------------------------------------------

bool GuestMemory::load_pdptes(uint32_t cr3, std::array<uint64_t, 4>& out) {
    // Bits 1-2, 5-8 and those above the 36-bit physical address are reserved (SDM volume 3, 4.4.1).
    constexpr uint64_t kPresent = 1, kReserved = 0xfffffff0000001e6;
    std::array<uint64_t, 4> entry;
    for (unsigned i = 0; i < 4; ++i) {
        entry[i] = impl_->read_entry(ram_.place(GuestPhys((cr3 & ~0x1fu) & impl_->state.address_mask) + i * 8), 8);
        if ((entry[i] & kPresent) && (entry[i] & kReserved)) return false;
    }
    out = entry;
    return true;
}

void GuestMemory::cr3_loaded() {
    ++flushes_;
    ++impl_->counts.cr3_loads;
    if (!impl_->state.paging()) return;
    const bool globals_go = std::exchange(impl_->pge_is_away, false);
    const Impl::Moved moved = impl_->select_space();
    if (globals_go) {
        if (Window* window = impl_->windows.supervisor_if_any()) impl_->windows.unmap_all(*window);
        impl_->shared.drop_all();
        impl_->shared.drop_jumps();
        impl_->code_lost(Privilege::Supervisor);
    }
    impl_->recheck_non_global_code();
    log::print(log::Mmu, "mmu: cr3 {:08x}{}\n", impl_->state.cr3, moved.user ? "" : ", the same address space");
    impl_->views_changed(moved);
    if (!log::enabled(log::Audit)) return;
    if (const auto difference = audit(false); !difference.empty()) host::crash(("audit: " + difference).c_str());
}

void GuestMemory::paging_mode_changed() {
    ++flushes_;
    const PagingMode before = std::exchange(impl_->mode, PagingMode::of(impl_->state));
    PagingMode but_for_supervisor = before;
    but_for_supervisor.pge = impl_->mode.pge;
    but_for_supervisor.wp = impl_->mode.wp;
    // User views are kept by traces, and neither PGE nor WP means anything to them.
    const bool supervisor_only = before != impl_->mode && but_for_supervisor == impl_->mode;
    log::print(log::Mmu, "mmu: paging mode changed, {} forgotten\n",
               supervisor_only ? "the supervisor view" : "all views");
    impl_->pge_is_away = supervisor_only && !impl_->mode.pge && (before.pge || impl_->pge_is_away);
    impl_->shared.drop_all();
    for (auto& space : impl_->spaces) {
        space->slots_aside.clear();
        if (space->supervisor) space->supervisor->drop_all();
    }
    if (!supervisor_only) {
        impl_->forget_spaces();
        impl_->shared.drop_jumps();
    }
    const Impl::Moved moved = impl_->select_space();
    if (Window* window = impl_->windows.supervisor_if_any()) {
        // A global flush is common, and what it flushes is nearly always still true.
        if (supervisor_only)
            impl_->refresh_range(*window, 0, Window::kPages, Privilege::Supervisor);
        else
            impl_->windows.unmap_all(*window);
    }
    if (supervisor_only && !moved.supervisor)
        impl_->drop_code(impl_->moved_supervisor_code(), Privilege::Supervisor);
    else
        impl_->drop_code(Privilege::Supervisor);
    if (!supervisor_only) impl_->code_lost(Privilege::User);
    impl_->views_changed({true, moved.supervisor || !supervisor_only});
}

void GuestMemory::invalidate_page(GuestVirt a) {
    flushes_ += flushes_heeded_ >> flush_bit(a) & 1;
    ++impl_->counts.invlpg;
    impl_->space->synchronise(a);
    for (const Privilege p : {Privilege::Supervisor, Privilege::User}) {
        impl_->cached(p).drop_mapping(a);
        impl_->recheck_code(a, p);
    }
    impl_->invalidate_window_page(a);
}

void GuestMemory::protect(GuestPhys page) {
    protect(page.page(), 1);
}

void GuestMemory::protect(GuestPhys first, uint32_t pages) {
    if (!ram_.contains(first) || first.page_number() + pages > impl_->writers.size()) return;
    const uint8_t* host = ram_.host(first);
    const auto of_pages = std::span(impl_->writers).subspan(first.page_number(), pages);
    uint32_t writers = 0;
    for (uint32_t& of_page : of_pages) writers |= std::exchange(of_page, 0);
    const uint64_t bytes = uint64_t{pages} * kPageSize;
    if (writers & 1) impl_->shared.drop_writers_of(host, bytes);
    for (auto& space : impl_->spaces)
        if (writers & (2u << space->number)) space->for_own_views([&](CachedView& view) { view.drop_writers_of(host, bytes); });
    impl_->windows.protect(static_cast<uint32_t>(first.page_number()), pages);
}

// Nothing to do: the next write that misses finds the page untraced and enters it.
void GuestMemory::unprotect(GuestPhys) {}

}  // namespace ringfold
