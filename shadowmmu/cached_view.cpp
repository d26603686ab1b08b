// Entering and dropping what a view caches.
#include "shadowmmu/cached_view.h"

namespace ringfold {

namespace {
constexpr uint32_t kRegionShift = 21;
constexpr uint32_t kLargestPage = 1u << 22;
// Does the page that bias stands for lie in [from, from + bytes)?
bool in_range(uint32_t bias, GuestVirt from, uint64_t bytes) {
    return 0u - bias - from.value < bytes;
}
}  // namespace

CachedView::CachedView() {
    drop_all();
    drop_jumps();
}

template <class F>
void CachedView::drop_devices(F f) {
    for (DevicePage& d : devices_)
        if (f(d)) d.page = DevicePage::kNone;
}

void CachedView::enter_device(GuestVirt page, GuestPhys physical, uint8_t flags, bool large) {
    drop_page(page);
    devices_[page.page_number() % devices_.size()] = {page.value, flags, physical};
    if (large) large_.set(page.value >> kRegionShift);
}

void CachedView::enter(GuestVirt page, uint8_t* host, uint8_t flags, bool write_inline, bool large) {
    const uint32_t i = SoftTlb::index(page);
    const uint32_t bias = 0u - page.value;
    view.tlb.read_bias[i] = bias;
    view.tlb.write_bias[i] = write_inline ? bias : SoftTlb::never_matches(i);
    view.tlb.permitted_bias[i] = flags & kMayWrite ? bias : SoftTlb::never_matches(i);
    view.tlb.addend[i] = reinterpret_cast<uint64_t>(host) - page.value;
    flags_[i] = flags;
    non_global_.set(i, flags & kNonGlobal);
    if (large) large_.set(page.value >> kRegionShift);
    if (device_of(page).page == page.value) drop_devices([&](const DevicePage& d) { return d.page == page.value; });
}

void CachedView::drop_slot(uint32_t i) {
    view.tlb.read_bias[i] = view.tlb.write_bias[i] = view.tlb.permitted_bias[i] = SoftTlb::never_matches(i);
    flags_[i] = 0;
}

void CachedView::drop_all() {
    for (uint32_t i = 0; i < kTlbEntries; ++i) drop_slot(i);
    non_global_.reset();
    large_.reset();
    drop_all_devices();
}

void CachedView::take_non_global(std::vector<SlotCopy>& out) {
    for (size_t n = non_global_._Find_first(); n < kTlbEntries; n = non_global_._Find_next(n)) {
        const auto i = static_cast<uint32_t>(n);
        const auto page = page_of(i);
        if (!page) continue;
        out.push_back({*page, reinterpret_cast<uint8_t*>(page->value + view.tlb.addend[i]), flags_[i]});
        drop_slot(i);
    }
    non_global_.reset();
    drop_devices([](const DevicePage& d) { return d.flags & kNonGlobal; });
}

void CachedView::drop_page(GuestVirt a) {
    const uint32_t i = SoftTlb::index(a);
    if (view.tlb.read_bias[i] == 0u - a.page().value) drop_slot(i);
    if (device_of(a).page == a.page().value) drop_devices([&](const DevicePage& d) { return d.page == a.page().value; });
}

void CachedView::drop_mapping(GuestVirt a) {
    // What made the slot may have been 4 MiB large, whatever is mapped now, and noted in its other half.
    const uint32_t half = (a.value >> kRegionShift) & ~1u, other_half = half | 1u;
    if (!large_[half] && !large_[other_half]) return drop_page(a);
    drop_range(GuestVirt(a.value & ~(kLargestPage - 1)), kLargestPage);
    large_.reset(half);
    large_.reset(other_half);
}

void CachedView::drop_range(GuestVirt from, uint64_t bytes) {
    for (uint32_t i = 0; i < kTlbEntries; ++i)
        if (in_range(view.tlb.read_bias[i], from, bytes)) drop_slot(i);
    drop_devices([&](const DevicePage& d) { return d.page - from.value < bytes; });
}

void CachedView::drop_write(GuestVirt a) {
    const uint32_t i = SoftTlb::index(a);
    drop_devices([&](const DevicePage& d) { return d.page == a.page().value; });
    if (view.tlb.read_bias[i] != 0u - a.page().value) return;
    view.tlb.write_bias[i] = view.tlb.permitted_bias[i] = SoftTlb::never_matches(i);
    flags_[i] &= static_cast<uint8_t>(~kMayWrite);
}

void CachedView::drop_write_range(GuestVirt from, uint64_t bytes) {
    drop_devices([&](const DevicePage& d) { return d.page - from.value < bytes; });
    for (uint32_t i = 0; i < kTlbEntries; ++i) {
        if (!in_range(view.tlb.read_bias[i], from, bytes)) continue;
        view.tlb.write_bias[i] = view.tlb.permitted_bias[i] = SoftTlb::never_matches(i);
        flags_[i] &= static_cast<uint8_t>(~kMayWrite);
    }
}

void CachedView::drop_writers_of(const uint8_t* host, uint64_t bytes) {
    const auto target = reinterpret_cast<uint64_t>(host);
    for (uint32_t i = 0; i < kTlbEntries; ++i) {
        const uint64_t page = 0u - view.tlb.write_bias[i];
        if (page + view.tlb.addend[i] - target < bytes) view.tlb.write_bias[i] = SoftTlb::never_matches(i);
    }
}

void CachedView::drop_places(const uint8_t* host, uint64_t bytes) {
    for (uint32_t i = 0; i < kTlbEntries; ++i)
        if (const auto page = page_of(i);
            page && page->value + view.tlb.addend[i] - reinterpret_cast<uint64_t>(host) < bytes)
            drop_slot(i);
}

void CachedView::drop_all_devices() {
    drop_devices([](const DevicePage&) { return true; });
}

bool CachedView::note_code_page(GuestVirt a, const Mapping& mapping) {
    const uint64_t frame = mapping.physical.page_number();
    const auto [noted, fresh] = code_pages_.try_emplace(a.page_number(), frame);
    const bool moved = noted->second != frame;
    if (moved) {
        drop_code_page(a.page());
        code_pages_.emplace(a.page_number(), frame);
    }
    if (!mapping.global) non_global_code_.insert(a.page_number());
    if (mapping.page_bytes > kPageSize) large_code_.set(a.value >> kRegionShift);
    return moved;
}

std::vector<std::pair<uint32_t, uint64_t>> CachedView::code_pages_invalidated_by(GuestVirt a) const {
    std::vector<std::pair<uint32_t, uint64_t>> pages;
    if (code_pages_.empty()) return pages;
    const uint32_t region = a.value >> kRegionShift;
    if (!large_code_[region & ~1u] && !large_code_[region | 1u]) {
        if (const auto found = code_pages_.find(a.page_number()); found != code_pages_.end()) pages.push_back(*found);
        return pages;
    }
    constexpr uint32_t kPages = kLargestPage / kPageSize;
    for (const auto& entry : code_pages_)
        if (entry.first / kPages == a.page_number() / kPages) pages.push_back(entry);
    return pages;
}

bool CachedView::has_code(GuestVirt from, uint64_t bytes) const {
    for (const auto& [page, frame] : code_pages_)
        if ((page << 12) - from.value < bytes) return true;
    return false;
}

void CachedView::drop_code_page(GuestVirt page) {
    code_pages_.erase(page.page_number());
    non_global_code_.erase(page.page_number());
    JumpCache& jumps = view.jumps;
    for (uint32_t i = 0; i < kJumpEntries; ++i)
        if (in_range(jumps.negated_eip[i], page - kPageSize, 2 * kPageSize)) jumps.negated_eip[i] = JumpCache::empty(i);
    view.segmented_jumps.clear();
}

void CachedView::drop_jumps() {
    view.forget_jumps();
    code_pages_.clear();
    large_code_.reset();
    non_global_code_.clear();
}

}  // namespace ringfold
