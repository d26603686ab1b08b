// A window: 4 GiB of host addresses that mirror one guest linear address space at one privilege. What is mapped
// there is guest RAM; the rest is reserved and faults. It is the shadow page table of this design.
//
// A window knows pages and frames, and nothing of why. It is exact about what the host has mapped.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <vector>

#include "shadowmmu/ram.h"

namespace ringfold {

class AddressSpace;

// Zeroed host memory that costs nothing until it is touched.
template <class T>
class LazyArray {
public:
    explicit LazyArray(uint64_t count);
    ~LazyArray();
    LazyArray(const LazyArray&) = delete;
    LazyArray& operator=(const LazyArray&) = delete;
    T& operator[](uint64_t i) { return data_[i]; }
    const T& operator[](uint64_t i) const { return data_[i]; }

private:
    uint64_t bytes_;
    T* data_;
};

// What a window page is, or should be.
struct WindowPage {
    bool mapped = false, writable = false;
    uint32_t frame = 0;  // guest physical page number
    bool executable = false;  // by the host itself; only in a place that says so
    bool operator==(const WindowPage&) const = default;
};

// Host addresses that serve as a window's place: what is linear address N there is host address N.
struct WindowPlace {
    uint64_t begin, end;
    bool runs_user_code = false;  // pages that the guest's user mode may execute are executable there
    uint64_t top = uint64_t{1} << 32;  // from here to 4 GiB too

    bool holds(uint32_t page) const { return page < stretch_end(page); }
    // Pages from this one on up to there are in the place, or it is not itself.
    uint32_t stretch_end(uint32_t page) const {
        const uint64_t at = page * uint64_t{kPageSize};
        if (at >= top) return 1u << 20;
        return at >= begin && at < end ? static_cast<uint32_t>(end / kPageSize) : page;
    }
};

class Window {
public:
    static constexpr uint64_t kBytes = uint64_t{1} << 32;
    static constexpr uint64_t kGuardBytes = 1 << 20;  // behind it: catches operands that straddle 4 GiB
    static constexpr uint32_t kPages = 1u << 20;

    Window(Ram& ram, unsigned number);  // throws HostError when the host has no such address range
    // At addresses that somebody else has reserved, and that another window may share: see `sibling`.
    Window(Ram& ram, unsigned number, const WindowPlace& place);
    ~Window();
    Window(const Window&) = delete;
    Window& operator=(const Window&) = delete;

    uint8_t* base() const { return base_; }
    WindowPage page(uint32_t n) const;
    bool mapped(uint32_t n) const { return page_[n] & kMapped; }

    // Maps `count` pages to consecutive frames, whatever was there. False if the host refuses: then these pages
    // are unmapped. `touch`: have the host's page tables filled too, for pages that exist in RAM already.
    bool map(uint32_t first, uint32_t count, WindowPage to, bool touch);
    void unmap(uint32_t first, uint32_t count);
    void unmap_all();
    // Takes the right to write away from mapped pages.
    void write_protect(uint32_t first, uint32_t count);
    // ... and from every page that maps one of these frames. Returns how many had it.
    unsigned write_protect_frames(uint32_t first, uint32_t count);
    // The pages that map one of these frames.
    struct Run {
        uint32_t first, count;
    };
    std::vector<Run> pages_of(uint32_t first_frame, uint32_t count, bool only_writable = false) const;

    // Host mappings that this window is made of.
    uint32_t pieces() const { return pieces_; }
    uint32_t mapped_pages() const { return mapped_pages_; }
    // Pages mapped in the 2 MiB region that holds this page: where a search can skip.
    uint32_t mapped_near(uint32_t n) const { return region_[n / kRegionPages]; }
    static constexpr uint32_t kRegionPages = 512;
    // Has the host fill its page tables for these pages, so that the guest's first accesses do not fault.
    void touch(uint32_t first, uint32_t count);
    // No mapped page lies below this one (kPages: there is none). It only falls, until the window is empty.
    uint32_t floor() const { return floor_; }

    // The other window of a shared place. What one of them maps is no longer the other's.
    Window* sibling = nullptr;

    uint32_t last_block = kPages;  // where a page entered last: the first of its neighbours
    std::array<uint8_t, kPages / kRegionPages> entries{};  // by region: how often pages entered one by one
    std::bitset<kPages / kRegionPages> from_large;  // regions that (also) guest large pages were mapped in

    const unsigned number;          // its bit in the masks of the window cache
    AddressSpace* owner = nullptr;  // user windows: whose it is; null if free
    uint64_t last_used = 0;

private:
    static constexpr uint32_t kMapped = 1u << 31, kWritable = 1u << 30, kExecutable = 1u << 29, kFrame = kPages - 1;

    static uint32_t entry(const WindowPage& page);
    bool continues(uint32_t n) const;
    void yield(uint32_t first, uint32_t count);
    void unmap_own_pages();
    void forget(uint32_t first, uint32_t count);
    uint32_t boundaries(uint32_t first, uint32_t count) const;
    void set(uint32_t n, uint32_t value);
    void link(uint32_t n);
    void unlink(uint32_t n);

    Ram& ram_;
    uint8_t* base_;
    const bool shared_;
    const WindowPlace place_{};
    uint32_t floor_ = kPages;
    LazyArray<uint32_t> page_;   // by linear page: frame and flags
    LazyArray<uint32_t> first_;  // by frame: 1 + the first linear page that maps it; 0: none
    LazyArray<uint32_t> next_;   // by linear page: 1 + the next one that maps the same frame
    LazyArray<uint16_t> region_;
    uint32_t pieces_ = 1, mapped_pages_ = 0;
};

}  // namespace ringfold
