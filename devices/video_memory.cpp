// Which pages of a display's memory were written.
#include "devices/video_memory.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace ringfold {

void VideoMemory::store(uint32_t offset, const void* from, uint32_t length) {
    if (store_)
        store_(offset, {static_cast<const uint8_t*>(from), length});
    else
        memcpy(&bytes_[offset], from, length);
    written_[offset / kPageBytes] = true;
}

void VideoMemory::clear() {
    static constexpr std::array<uint8_t, kPageBytes> kZeroes{};
    for (uint32_t at = 0; at < size(); at += kPageBytes) store(at, kZeroes.data(), kPageBytes);
}

void VideoMemory::note_written(uint32_t offset, uint32_t length) {
    const auto first = written_.begin() + offset / kPageBytes;
    std::fill(first, first + (offset % kPageBytes + length + kPageBytes - 1) / kPageBytes, true);
}

uint64_t VideoMemory::collect() {
    ++collections_;
    for (auto run = written_.begin();;) {
        run = std::find(run, written_.end(), true);
        if (run == written_.end()) return collections_;
        const auto end = std::find(run, written_.end(), false);
        const auto first = static_cast<uint32_t>(run - written_.begin()), pages = static_cast<uint32_t>(end - run);
        std::fill(run, end, false);
        std::fill_n(stamp_.begin() + first, pages, collections_);
        if (watch_) watch_(first, pages);
        run = end;
    }
}

}  // namespace ringfold
