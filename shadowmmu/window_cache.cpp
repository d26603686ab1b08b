// Which window belongs to whom, and how many host mappings all of them may take.
#include "shadowmmu/window_cache.h"

#include <fstream>
#include <utility>

#include "vmm/base/log.h"
#include "vmm/base/result.h"

namespace ringfold {

namespace {

// The rest of the process needs few mappings; a quarter is kept for it and for splits not yet counted.
uint32_t default_budget() {
    uint32_t limit = 65530;
    std::ifstream("/proc/sys/vm/max_map_count") >> limit;
    return limit / 4 * 3;
}

}  // namespace

WindowCache::WindowCache(Ram& ram, GuestMemory::Counts& counts)
    : ram_(ram), counts_(counts), budget_(default_budget()), writers_(ram.file_bytes() / kPageSize) {}

WindowCache::~WindowCache() {
    drop_windows();
}

// A window without a page is one piece, which counts for nothing.
void WindowCache::discount(const Window& window) {
    counts_.window_mappings -= window.pieces() - 1;
}

void WindowCache::drop_windows() {
    if (supervisor_) supervisor_->sibling = nullptr;
    for (auto& window : users_) window->sibling = nullptr;
    for (auto& window : users_) {
        if (window->owner) window->owner->window = nullptr;
        discount(*window);
    }
    users_.clear();
    if (!supervisor_) return;
    discount(*supervisor_);
    supervisor_.reset();
}

void WindowCache::share(const std::optional<WindowPlace>& place) {
    drop_windows();
    shared_ = place;
    most_users_ = place ? 1 : kUserWindows;
    if (!place) return;
    supervisor_ = std::make_unique<Window>(ram_, 0, *place);
    users_.push_back(std::make_unique<Window>(ram_, 1, *place));
    supervisor_->sibling = users_[0].get();
    users_[0]->sibling = supervisor_.get();
}

Window& WindowCache::supervisor() {
    if (!supervisor_) supervisor_ = std::make_unique<Window>(ram_, 0);
    return *supervisor_;
}

Window& WindowCache::none() {
    constexpr unsigned kNumber = kUserWindows + 1;
    if (!none_) none_ = std::make_unique<Window>(ram_, kNumber);
    return *none_;
}

// A window that nobody has, a new one if the host has room for it, or that of the space that ran longest ago.
Window& WindowCache::free_window(const AddressSpace* current) {
    for (auto& window : users_)
        if (!window->owner) return *window;
    if (users_.size() < most_users_) try {
            return *users_.emplace_back(std::make_unique<Window>(ram_, static_cast<unsigned>(users_.size()) + 1));
        } catch (const HostError&) {
            if (users_.empty()) throw;
            most_users_ = users_.size();
        }
    Window* oldest = nullptr;
    for (auto& window : users_)
        if (window->owner != current && (!oldest || window->last_used < oldest->last_used)) oldest = window.get();
    return *oldest;
}

Window& WindowCache::user(AddressSpace& space, const AddressSpace* current) {
    if (!space.window) {
        Window& window = free_window(current);
        evict(window);
        if (window.owner) window.owner->window = nullptr;
        window.owner = &space;
        window.entries.fill(0);
        space.window = &window;
        space.forget_stale_pages();
    }
    space.window->last_used = ++uses_;
    return *space.window;
}

void WindowCache::protect(uint32_t first, uint32_t count) {
    uint32_t mask = 0;
    for (uint32_t frame = first; frame < first + count; ++frame) mask |= std::exchange(writers_[frame], 0);
    if (!mask) return;
    const auto apply = [&](Window& window) {
        if (mask & (1u << window.number)) counted(window, [&] { window.write_protect_frames(first, count); });
    };
    if (supervisor_) apply(*supervisor_);
    for (auto& window : users_) apply(*window);
}

void WindowCache::drop_frames(uint32_t first, uint32_t count) {
    const auto apply = [&](Window& window) {
        for (const auto& [page, pages] : window.pages_of(first, count)) unmap(window, page, pages);
    };
    if (supervisor_) apply(*supervisor_);
    for (auto& window : users_) apply(*window);
}

// Keeps counts_.window_mappings true over a change, which may take pages from the sibling.
template <class F>
void WindowCache::counted(Window& window, F f) {
    const auto pieces = [&] { return uint64_t{window.pieces()} + (window.sibling ? window.sibling->pieces() : 0); };
    const uint64_t before = pieces();
    f();
    counts_.window_mappings += pieces() - before;
}

bool WindowCache::map(Window& window, uint32_t first, uint32_t count, WindowPage to, bool touch) {
    if (pieces() >= budget_) make_room(window);
    bool done = false;
    counted(window, [&] { done = window.map(first, count, to, touch); });
    if (!done) {
        make_room(window);
        counted(window, [&] { done = window.map(first, count, to, touch); });
    }
    if (!done) return false;
    counts_.window_maps += count;
    if (to.writable)
        for (uint32_t i = 0; i < count; ++i) note_writer(window, to.frame + i);
    return true;
}

void WindowCache::unmap(Window& window, uint32_t first, uint32_t count) {
    const uint32_t before = window.mapped_pages();
    counted(window, [&] { window.unmap(first, count); });
    counts_.window_unmaps += before - window.mapped_pages();
}

void WindowCache::unmap_all(Window& window) {
    counts_.window_unmaps += window.mapped_pages();
    counted(window, [&] { window.unmap_all(); });
}

void WindowCache::write_protect(Window& window, uint32_t first, uint32_t count) {
    counted(window, [&] { window.write_protect(first, count); });
}

uint32_t WindowCache::pieces() const {
    return static_cast<uint32_t>(counts_.window_mappings);
}

void WindowCache::evict(Window& window) {
    if (window.mapped_pages() == 0) return;
    log::print(log::Mmu, "mmu: window {} evicted, {} pages\n", window.number, window.mapped_pages());
    ++counts_.window_evictions;
    unmap_all(window);
    if (window.owner) window.owner->forget_stale_pages();
}

// The least recently used first, down to half the budget, so that it does not come to this at every map.
void WindowCache::make_room(const Window& keep) {
    while (pieces() > budget_ / 2) {
        Window* victim = nullptr;
        for (auto& window : users_)
            if (window.get() != &keep && window->mapped_pages() && (!victim || window->last_used < victim->last_used))
                victim = window.get();
        if (!victim) break;
        evict(*victim);
    }
    if (pieces() <= budget_ / 2) return;
    if (supervisor_) evict(*supervisor_);
    for (auto& window : users_) evict(*window);
}

}  // namespace ringfold
