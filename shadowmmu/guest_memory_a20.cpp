// The A20 gate, which old software moves around single accesses: where paging was never on no more is forgotten than
// what it moves, the pages whose linear addresses have bit 20 set.
#include <algorithm>

#include "shadowmmu/guest_memory_impl.h"

namespace ringfold {

namespace {

bool moved(GuestVirt page) {
    return page.value & kA20;
}

void drop_moved(CachedView& cached) {
    for (uint32_t i = 0; i < kTlbEntries; ++i)
        if (const auto page = cached.page_of(i); page && moved(*page)) cached.drop_mapping(*page);
    for (const CachedView::DevicePage& device : cached.devices())
        if (const GuestVirt page(device.page); device.page != CachedView::DevicePage::kNone && moved(page))
            cached.drop_mapping(page);
}

}  // namespace

void GuestMemory::a20_changed() {
    // Other spaces' tables were walked through the gate as it was.
    if (impl_->state.paging() || impl_->spaces.size() > 1) return paging_mode_changed();
    ++flushes_;
    impl_->mode = PagingMode::of(impl_->state);
    for (const Privilege p : {Privilege::Supervisor, Privilege::User}) {
        CachedView& cached = impl_->cached(p);
        drop_moved(cached);
        const auto& code = cached.code_pages();
        if (std::none_of(code.begin(), code.end(), [](const auto& c) { return moved(GuestVirt(c.first * kPageSize)); }))
            continue;
        cached.drop_jumps();
        impl_->code_lost(p);
    }
    for (Window* window : {impl_->windows.supervisor_if_any(), impl_->space->window})
        if (window) impl_->windows.unmap_all(*window);
}

}  // namespace ringfold
