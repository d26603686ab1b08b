// Direct access: what enters the windows on a host fault, and what the guest's page-table changes take out again.
#include <algorithm>
#include <utility>
#include <vector>

#include "shadowmmu/guest_memory_impl.h"
#include "vmm/base/log.h"

namespace ringfold {

namespace {

// A fault on a 4 KiB page looks for neighbours that can enter by the same mapping, up to the ends of the smaller table ...
constexpr uint32_t kTablePages = 512;
// ... and the second one in a row within so many pages for all that were touched there.
constexpr uint32_t kBlockPages = 32;
// After so many in one region, in any order, all enter that were touched in it: they are accessed at random, and frames that
// lie in another order would else take a fault each.
constexpr uint8_t kEntriesBeforeRegion = 8;
static_assert(Window::kRegionPages == kTablePages);
// The part of a large page that the host is asked to fill at once.
constexpr uint32_t kTouchPages = 16;

// Can page n enter in the same host mapping as page m, which becomes `at_m`?
bool joins(uint32_t n, WindowPage at_n, uint32_t m, WindowPage at_m) {
    return at_n.mapped && at_n.writable == at_m.writable && at_n.executable == at_m.executable && at_n.frame - at_m.frame == n - m;
}

// Does the page already allow all that it should?
bool suffices(WindowPage is, WindowPage want) {
    return is.mapped && want.mapped && is.frame == want.frame && (is.writable || !want.writable) &&
           (is.executable || !want.executable);
}

}  // namespace

uint8_t* GuestMemory::window_base(Privilege p) {
    return impl_->window(p).base();
}

uint8_t* GuestMemory::no_window_base() {
    return impl_->windows.none().base();
}

void GuestMemory::share_window(const std::optional<WindowPlace>& place) {
    impl_->windows.share(place);
}

uint64_t GuestMemory::supervisor_window_floor() const {
    const Window* window = impl_->windows.supervisor_if_any();
    return window ? uint64_t{window->floor()} * kPageSize : Window::kBytes;
}

void GuestMemory::empty_supervisor_window() {
    if (Window* window = impl_->windows.supervisor_if_any()) impl_->windows.unmap_all(*window);
}

// In a shared place the supervisor finds user pages where the user does, with the user's rights.
Privilege GuestMemory::Impl::shown_to(const Mapping& mapping, Privilege p) const {
    return windows.shared() && mapping.user && !mapping.global ? Privilege::User : p;
}

Fill GuestMemory::fill_window(GuestVirt a, Access access, Privilege p, GuestFault* fault) {
    const auto answer = impl_->walk(a, access, p);
    if (const auto* f = std::get_if<PageFault>(&answer)) {
        *fault = GuestFault::page(a, f->error_code);
        return Fill::Fault;
    }
    const Mapping& mapping = std::get<Mapping>(answer);
    p = impl_->shown_to(mapping, p);
    const WindowPage want = impl_->desired(mapping, p);
    if (!impl_->has_place(a.page_number())) return Fill::Special;
    if (!want.mapped || (access == Access::Write && !want.writable)) return Fill::Special;
    ++impl_->counts.hidden_faults;
    Window& window = impl_->window(p);
    if (suffices(window.page(a.page_number()), want)) return Fill::Ram;
    const bool large = mapping.page_bytes > kPageSize && impl_->mode.a20;  // else it is not one piece
    const bool done = large ? impl_->map_large(window, a, mapping, p) : impl_->map_small(window, a, mapping, p);
    log::print(log::Mmu, "mmu: window {} {:08x} -> {:05x}000{}{}, {} mappings in all\n", window.number, a.page().value,
               want.frame, want.writable ? " writable" : "", done ? "" : ": refused by the host",
               impl_->counts.window_mappings);
    return done ? Fill::Ram : Fill::Special;
}

WindowPage GuestMemory::Impl::desired(const Mapping& mapping, Privilege p) const {
    // The supervisor window outlives CR3 loads, so it holds nothing that a CR3 load flushes.
    const bool outlives = p == Privilege::User || mapping.global || (mapping.marked_global && pge_is_away);
    if (!mapping.accessed || !ram.contains(mapping.physical) || !outlives) return {};
    // Stores to tables that are not traced just now are for the soft TLB: traced again, they leave no mapping to cut.
    const bool writable = may_write(mapping, p) && !tracer.traced(mapping.physical) &&
                          !traces.unsynchronised(mapping.physical);
    const bool executable = p == Privilege::User && mapping.executable && windows.shared() && windows.shared()->runs_user_code;
    return {true, writable, static_cast<uint32_t>(mapping.physical.page_number()), executable};
}

WindowPage GuestMemory::Impl::desired(const CpuState& cpu, uint32_t page, Privilege p) {
    if (!has_place(page)) return {};
    const auto answer = page_walk(*this, cpu, GuestVirt(page * kPageSize), Access::Read, p, false);
    const auto* mapping = std::get_if<Mapping>(&answer);
    return mapping ? desired(*mapping, p) : WindowPage{};
}

bool GuestMemory::Impl::map_small(Window& window, GuestVirt a, const Mapping& mapping, Privilege p) {
    const uint32_t at = a.page_number(), low = at & ~(kBlockPages - 1);
    const WindowPage want = desired(mapping, p);
    const auto synchronise = [&](uint32_t block) {
        if (p == Privilege::User) space->synchronise(GuestVirt(block * kPageSize), kBlockPages);
    };
    const auto enters = [&](uint32_t n) {
        const WindowPage there = desired(state, n, p);
        return joins(n, there, at, want) && !suffices(window.page(n), there);
    };
    synchronise(low);
    uint32_t first = at, end = at + 1;
    for (const uint32_t least = at & ~(kTablePages - 1); first > least; --first) {
        if (first % kBlockPages == 0) synchronise(first - kBlockPages);
        if (!enters(first - 1)) break;
    }
    for (const uint32_t most = (at | (kTablePages - 1)) + 1; end < most; ++end) {
        if (end % kBlockPages == 0) synchronise(end);
        if (!enters(end)) break;
    }
    // All of these have A set: the guest has touched them, so they exist in RAM and may be filled in at once.
    const bool again = std::exchange(window.last_block, low) == low;
    const bool done = windows.map(window, first, end - first, {true, want.writable, want.frame - (at - first), want.executable}, true);
    if (!done || p == Privilege::Supervisor) return done;
    uint8_t& entries = window.entries[at / Window::kRegionPages];
    if (++entries >= kEntriesBeforeRegion && windows.has_plenty()) {
        entries = 0;
        const uint32_t region = at & ~(Window::kRegionPages - 1);
        space->synchronise(GuestVirt(region * kPageSize), Window::kRegionPages);
        map_touched(window, region, Window::kRegionPages, p);
    } else if (again) {
        map_touched(window, low, kBlockPages, p);
    }
    return done;
}

// What the guest has touched, in as few mappings as its frames allow: they often lie in another order.
void GuestMemory::Impl::map_touched(Window& window, uint32_t first, uint32_t count, Privilege p) {
    for (uint32_t n = first; n < first + count;) {
        const WindowPage want = desired(state, n, p);
        uint32_t end = n + 1;
        if (want.mapped && !suffices(window.page(n), want)) {
            while (end < first + count && joins(end, desired(state, end, p), n, want)) ++end;
            windows.map(window, n, end - n, want, true);
        }
        n = end;
    }
}

// A large page enters whole. Traced pages go in read-only and cut the host's mapping in three; device memory
// within the page stays out.
bool GuestMemory::Impl::map_large(Window& window, GuestVirt a, const Mapping& mapping, Privilege p) {
    const uint32_t count = mapping.page_bytes / kPageSize, at = a.page_number(), low = at & ~(count - 1);
    const auto wanted = [&](uint32_t n) {
        if (!has_place(n)) return WindowPage{};
        Mapping there = mapping;
        there.address = GuestPhys(mapping.address.page().value + static_cast<int64_t>(n - int64_t{at}) * kPageSize);
        there.physical = ram.place(there.address);
        return desired(there, p);
    };
    // Most of it may be there already, which is told without asking what it should be.
    const auto is_there = [&](uint32_t n) {
        const WindowPage is = window.page(n);
        return is.writable && is.frame == static_cast<uint32_t>(mapping.physical.page_number() + n - at) && !windows.shared();
    };
    bool here = false;
    for (uint32_t n = low; n < low + count;) {
        if (is_there(n)) {
            ++n;
            continue;
        }
        const WindowPage want = wanted(n);
        if (!want.mapped || suffices(window.page(n), want)) {
            ++n;
            continue;
        }
        uint32_t end = n + 1;
        for (; end < low + count; ++end) {
            const WindowPage there = wanted(end);
            if (!joins(end, there, n, want) || suffices(window.page(end), there)) break;
        }
        const bool done = windows.map(window, n, end - n, want, false);
        if (done && n <= at && at < end) {
            here = true;
            const uint32_t from = std::max(n, at & ~(kTouchPages - 1));
            window.touch(from, std::min(end - from, kTouchPages));
        }
        n = end;
    }
    for (uint32_t n = low; n < low + count; n += Window::kRegionPages) window.from_large.set(n / Window::kRegionPages);
    return here;
}

// For a page that stays: what it came from may be another table now, so that is relied on before anything else.
WindowPage GuestMemory::Impl::still_granted(uint32_t page, Privilege p) {
    const GuestVirt a(page * kPageSize);
    const auto answer = page_walk(*this, state, a, Access::Read, p, false);
    const auto* mapping = std::get_if<Mapping>(&answer);
    if (!mapping) return {};
    if (p == Privilege::User && mapping->accessed) space->rely_on(a, *mapping);
    return desired(*mapping, p);
}

void GuestMemory::Impl::refresh(Window& window, std::span<const uint32_t> pages, Privilege p) {
    enum class Action { Keep, Unmap, Protect, Remap };
    const auto decide = [&](uint32_t n, WindowPage& want) {
        const WindowPage is = window.page(n);
        if (!is.mapped) return Action::Keep;
        want = still_granted(n, p);
        if (!want.mapped) return Action::Unmap;
        if (want.frame != is.frame || want.executable != is.executable) return Action::Remap;
        return is.writable && !want.writable ? Action::Protect : Action::Keep;
    };
    for (size_t i = 0; i < pages.size();) {
        WindowPage want, next_want;
        const uint32_t first = pages[i];
        const Action action = decide(first, want);
        uint32_t count = 1;
        for (++i; action != Action::Keep && i < pages.size() && pages[i] == first + count; ++i, ++count) {
            if (decide(pages[i], next_want) != action) break;
            if (action == Action::Remap && !joins(pages[i], next_want, first, want)) break;
        }
        switch (action) {
            case Action::Keep:
                break;
            case Action::Unmap:
                windows.unmap(window, first, count);
                break;
            case Action::Protect:
                windows.write_protect(window, first, count);
                break;
            case Action::Remap:
                windows.map(window, first, count, want, true);
                break;
        }
    }
}

void GuestMemory::Impl::refresh_range(Window& window, uint32_t first, uint32_t count, Privilege p) {
    std::vector<uint32_t> pages;
    for (uint32_t n = first; n < first + count; ++n) {
        if (window.mapped_near(n) == 0)
            n |= Window::kRegionPages - 1;
        else if (window.mapped(n))
            pages.push_back(n);
    }
    refresh(window, pages, p);
}

void GuestMemory::Impl::settle_user_window() {
    if (!space->window) return;
    for (;;) {
        if (space->all_stale()) {
            windows.unmap_all(*space->window);
            return space->forget_stale_pages();
        }
        const auto pages = space->take_stale_pages();
        if (pages.empty()) return;
        refresh(*space->window, pages, Privilege::User);  // whose walks may find further changes
    }
}

// Traces tell what has to leave a user window. The supervisor's has none: INVLPG itself looks, at all of the
// large page that may have been there.
void GuestMemory::Impl::invalidate_window_page(GuestVirt a) {
    settle_user_window();
    Window* window = windows.supervisor_if_any();
    if (!window) return;
    constexpr uint32_t kLargestPages = 1024;
    const uint32_t page = a.page_number(), large = page & ~(kLargestPages - 1);
    if (window->from_large[page / Window::kRegionPages])
        refresh_range(*window, large, kLargestPages, Privilege::Supervisor);
    else if (window->mapped(page))
        refresh_range(*window, page, 1, Privilege::Supervisor);
}

}  // namespace ringfold
