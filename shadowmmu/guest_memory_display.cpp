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
    supervisor.drop_places(host, w.length);
    for (auto& s : spaces) {
        s->cached.drop_places(host, w.length);
        std::erase_if(s->supervisor_slots, there);
    }
    windows.drop_frames(static_cast<uint32_t>(ram.physical(host).page_number()),
                        static_cast<uint32_t>(w.length / kPageSize));
}

void GuestMemory::Impl::drop_devices() {
    supervisor.drop_all_devices();
    for (auto& s : spaces) s->cached.drop_all_devices();
}

void GuestMemory::Impl::drop_code_beside_ram() {
    const auto has_any = [&](const CachedView& cached) {
        return std::ranges::any_of(cached.code_pages(),
                                   [&](const auto& page) { return page.second >= ram.size() / kPageSize; });
    };
    if (has_any(supervisor)) drop_code(Privilege::Supervisor);
    for (auto& s : spaces) {
        if (!has_any(s->cached)) continue;
        s->cached.drop_jumps();
        if (s.get() == space) code_lost(Privilege::User);
    }
}

}  // namespace ringfold
