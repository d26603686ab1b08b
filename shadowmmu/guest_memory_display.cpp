// The display's memory moves: what was cached of it, and of device memory where it may be now, goes at once, as a bus that
// decodes otherwise is seen by the next access.
#include <algorithm>
#include <vector>

#include "shadowmmu/guest_memory_impl.h"

namespace ringfold {

void GuestMemory::show_display(std::span<const Ram::DisplayWindow> windows) {
    const std::vector<Ram::DisplayWindow> before(ram_.display_windows().begin(), ram_.display_windows().end());
    ram_.show_display(windows);
    const auto now = ram_.display_windows();
    if (std::ranges::equal(before, now)) return;
    ++flushes_;
    if (impl_->traces.reach(ram_.size())) return paging_mode_changed();  // tables lie in what moves
    for (const auto& w : before)
        if (std::ranges::find(now, w) == now.end()) impl_->drop_display(w);
    impl_->drop_devices();
    impl_->drop_code_beside_ram();
}

void GuestMemory::Impl::drop_display(const Ram::DisplayWindow& w) {
    const uint8_t* host = ram.display().data() + w.offset;
    const auto there = [&](const CachedView::SlotCopy& slot) { return slot.host >= host && slot.host < host + w.length; };
    shared.drop_places(host, w.length);
    for (auto& s : spaces) {
        s->for_own_views([&](CachedView& view) { view.drop_places(host, w.length); });
        std::erase_if(s->slots_aside, there);
    }
    windows.drop_frames(static_cast<uint32_t>(ram.physical(host).page_number()),
                        static_cast<uint32_t>(w.length / kPageSize));
}

void GuestMemory::Impl::drop_devices() {
    shared.drop_all_devices();
    for (auto& s : spaces) s->for_own_views([](CachedView& view) { view.drop_all_devices(); });
}

void GuestMemory::Impl::drop_code_beside_ram() {
    const auto drop_any = [&](CachedView& view) {
        const bool any = std::ranges::any_of(view.code_pages(),
                                             [&](const auto& page) { return page.second >= ram.size() / kPageSize; });
        if (any) view.drop_jumps();
        return any;
    };
    if (drop_any(shared) && supervisor == &shared) code_lost(Privilege::Supervisor);
    for (auto& s : spaces) {
        const CodeLoss lost{drop_any(s->user), s->supervisor && drop_any(*s->supervisor)};
        if (s.get() == space) tell(lost);
    }
}

}  // namespace ringfold
