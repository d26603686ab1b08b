// The host mappings of one window, and the exact account of them.
#include "shadowmmu/window.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <sys/mman.h>

#include "vmm/base/result.h"

namespace ringfold {

namespace {

void* reserve(void* at, uint64_t bytes, int protection, int more_flags) {
    return mmap(at, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | more_flags, -1, 0);
}

// At a huge page's boundary, as RAM's file is: there the host may map a huge page of the file by one entry.
void* reserve_aligned(uint64_t bytes) {
    constexpr uint64_t kHugePage = 2 << 20, kSlack = kHugePage - kPageSize;
    auto* all = static_cast<uint8_t*>(reserve(nullptr, bytes + kSlack, PROT_NONE, 0));
    if (all == MAP_FAILED) return all;
    const uint64_t before = -reinterpret_cast<uintptr_t>(all) % kHugePage;
    if (before) munmap(all, before);
    if (before < kSlack) munmap(all + before + bytes, kSlack - before);
    return all + before;
}

// Without its reservation a window could come to show the guest something of the monitor's.
[[noreturn]] void lost_reservation() {
    fmt::print(stderr, "ringfold: a window's addresses cannot be reserved again: {}\n", strerror(errno));
    abort();
}

}  // namespace

template <class T>
LazyArray<T>::LazyArray(uint64_t count) : bytes_(count * sizeof(T)) {
    void* data = reserve(nullptr, bytes_, PROT_READ | PROT_WRITE, 0);
    if (data == MAP_FAILED)
        throw HostError(fmt::format("windows: cannot reserve {} bytes: {}", bytes_, strerror(errno)));
    data_ = static_cast<T*>(data);
}

template <class T>
LazyArray<T>::~LazyArray() {
    munmap(data_, bytes_);
}

Window::Window(Ram& ram, unsigned n)
    : number(n),
      ram_(ram),
      shared_(false),
      page_(kPages + 1),
      first_(ram.file_bytes() / kPageSize),
      next_(kPages),
      region_(kPages / kRegionPages) {
    void* base = reserve_aligned(kBytes + kGuardBytes);
    if (base == MAP_FAILED)
        throw HostError(fmt::format("windows: cannot reserve 4 GiB of addresses: {}; raise RLIMIT_AS (ulimit -v), "
                                    "or use -adapt never-direct",
                                    strerror(errno)));
    base_ = static_cast<uint8_t*>(base);
}

Window::Window(Ram& ram, unsigned n, const WindowPlace& place)
    : number(n),
      ram_(ram),
      base_(nullptr),
      shared_(true),
      place_(place),
      page_(kPages + 1),
      first_(ram.file_bytes() / kPageSize),
      next_(kPages),
      region_(kPages / kRegionPages) {}

Window::~Window() {
    if (shared_) {
        unmap_own_pages();
        return;
    }
    munmap(base_, kBytes + kGuardBytes);
}

WindowPage Window::page(uint32_t n) const {
    const uint32_t v = page_[n];
    if (!(v & kMapped)) return {};
    return {true, (v & kWritable) != 0, v & kFrame, (v & kExecutable) != 0};
}

uint32_t Window::entry(const WindowPage& page) {
    return kMapped | (page.writable ? kWritable : 0) | (page.executable ? kExecutable : 0) | page.frame;
}

bool Window::map(uint32_t first, uint32_t count, WindowPage to, bool touch) {
    const int protection = PROT_READ | (to.writable ? PROT_WRITE : 0) | (to.executable ? PROT_EXEC : 0);
    const int flags = MAP_SHARED | MAP_FIXED | (touch ? MAP_POPULATE : 0);
    const auto offset = static_cast<off_t>(uint64_t{to.frame} * kPageSize);
    void* at = base_ + uint64_t{first} * kPageSize;
    if (sibling) sibling->yield(first, count);
    floor_ = std::min(floor_, first);
    if (mmap(at, uint64_t{count} * kPageSize, protection, flags, ram_.fd(), offset) == MAP_FAILED) {
        unmap(first, count);  // a refused MAP_FIXED may leave a hole
        return false;
    }
    const uint32_t before = boundaries(first, count);
    for (uint32_t i = 0; i < count; ++i) set(first + i, entry(to) + i);
    pieces_ += boundaries(first, count) - before;
    return true;
}

void Window::touch(uint32_t first, uint32_t count) {
    const int advice = page_[first] & kWritable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
    madvise(base_ + uint64_t{first} * kPageSize, uint64_t{count} * kPageSize, advice);  // refused: they fault, no more
}

void Window::unmap(uint32_t first, uint32_t count) {
    void* at = base_ + uint64_t{first} * kPageSize;
    if (reserve(at, uint64_t{count} * kPageSize, PROT_NONE, MAP_FIXED) == MAP_FAILED) lost_reservation();
    forget(first, count);
}

// In steps of regions where there is nothing: a user's code and stack are gigabytes apart.
void Window::forget(uint32_t first, uint32_t count) {
    const uint32_t before = boundaries(first, count);
    for (uint32_t n = first; n < first + count; ++n) {
        if (mapped_near(n) == 0)
            n |= kRegionPages - 1;
        else
            set(n, 0);
    }
    pieces_ += boundaries(first, count) - before;
}

void Window::unmap_all() {
    floor_ = kPages;
    entries.fill(0);
    if (mapped_pages_ == 0) return;
    if (shared_) return unmap_own_pages();
    if (reserve(base_, kBytes, PROT_NONE, MAP_FIXED) == MAP_FAILED) lost_reservation();
    forget(0, kPages);
    from_large.reset();
}

// The host maps something else there already, or will in a moment.
void Window::yield(uint32_t first, uint32_t count) {
    if (mapped_pages_ != 0) forget(first, count);
}

// In as few steps as there are runs of regions without a page of the sibling's, and stretches of the place.
void Window::unmap_own_pages() {
    const auto foreign = [&](uint32_t n) { return sibling && sibling->mapped_near(n) != 0; };
    for (uint32_t n = 0; n < kPages && mapped_pages_;) {
        if (mapped_near(n) == 0) {
            n += kRegionPages;
        } else if (foreign(n)) {
            for (uint32_t end = n + kRegionPages; n < end; ++n)
                if (mapped(n)) unmap(n, 1);
        } else {
            while (!place_.holds(n)) ++n;  // the place begins within the region
            const uint32_t stretch = place_.stretch_end(n);
            uint32_t end = (n | (kRegionPages - 1)) + 1, last = end;
            for (; end < stretch && !foreign(end); end += kRegionPages)
                if (mapped_near(end)) last = end + kRegionPages;
            last = std::min(last, stretch);
            unmap(n, last - n);
            n = last;
        }
    }
    from_large.reset();
}

void Window::write_protect(uint32_t first, uint32_t count) {
    const bool executable = page_[first] & kExecutable;
    uint32_t alike = 1;
    while (alike < count && ((page_[first + alike] & kExecutable) != 0) == executable) ++alike;
    if (alike < count) {
        write_protect(first + alike, count - alike);
        count = alike;
    }
    const int protection = PROT_READ | (executable ? PROT_EXEC : 0);
    if (mprotect(base_ + uint64_t{first} * kPageSize, uint64_t{count} * kPageSize, protection) != 0)
        return unmap(first, count);
    const uint32_t before = boundaries(first, count);
    for (uint32_t i = first; i < first + count; ++i) page_[i] &= ~kWritable;
    pieces_ += boundaries(first, count) - before;
}

// In runs, where pages side by side map frames side by side.
std::vector<Window::Run> Window::pages_of(uint32_t first_frame, uint32_t count, bool only_writable) const {
    std::vector<Run> runs;
    for (uint32_t frame = first_frame; frame < first_frame + count; ++frame) {
        for (uint32_t link = first_[frame]; link; link = next_[link - 1]) {
            const uint32_t n = link - 1;
            if (only_writable && !(page_[n] & kWritable)) continue;
            if (!runs.empty() && n == runs.back().first + runs.back().count)
                ++runs.back().count;
            else
                runs.push_back({n, 1});
        }
    }
    return runs;
}

unsigned Window::write_protect_frames(uint32_t first, uint32_t count) {
    unsigned had = 0;
    for (const Run& run : pages_of(first, count, true)) {
        write_protect(run.first, run.count);
        had += run.count;
    }
    return had;
}

// Is page n, to the host, a continuation of the mapping of page n - 1?
bool Window::continues(uint32_t n) const {
    const uint32_t a = page_[n - 1], b = page_[n];
    return a & kMapped ? b == a + 1 : !(b & kMapped);
}

uint32_t Window::boundaries(uint32_t first, uint32_t count) const {
    uint32_t result = 0;
    const uint32_t end = first + count < kPages ? first + count : kPages - 1;
    for (uint32_t n = first ? first : 1; n <= end; ++n) {
        result += !continues(n);
        if (mapped_near(n) == 0) n |= kRegionPages - 1;  // within which nothing begins
    }
    return result;
}

void Window::set(uint32_t n, uint32_t value) {
    const bool was = page_[n] & kMapped, is = value & kMapped;
    if (was) unlink(n);
    if (was || is) page_[n] = value;
    if (is) link(n);
    if (was == is) return;
    const int change = is ? 1 : -1;
    mapped_pages_ += static_cast<uint32_t>(change);
    region_[n / kRegionPages] = static_cast<uint16_t>(region_[n / kRegionPages] + change);
}

void Window::link(uint32_t n) {
    uint32_t& head = first_[page_[n] & kFrame];
    next_[n] = head;
    head = n + 1;
}

void Window::unlink(uint32_t n) {
    uint32_t* at = &first_[page_[n] & kFrame];
    while (*at != n + 1) at = &next_[*at - 1];
    *at = next_[n];
}

}  // namespace ringfold
