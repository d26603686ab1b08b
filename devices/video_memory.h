// A display card's memory, and which of its pages were written lately: for displays, which want to draw what changed.
//
// The card stores here itself. What the CPU writes past it, where the memory is mapped as plain memory, is told by whoever
// watches for a page's first write.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace ringfold {

class VideoMemory {
public:
    static constexpr uint32_t kPageBytes = 4096;

    // `bytes`: whole pages of zeroes, which outlive this.
    explicit VideoMemory(std::span<uint8_t> bytes)
        : bytes_(bytes), written_(bytes.size() / kPageBytes, true), stamp_(bytes.size() / kPageBytes) {}

    const uint8_t* data() const { return bytes_.data(); }
    uint32_t size() const { return static_cast<uint32_t>(bytes_.size()); }
    uint8_t operator[](uint32_t offset) const { return bytes_[offset]; }

    // Within a page.
    void store(uint32_t offset, const void* from, uint32_t length);
    void clear();
    // Others than this may have to hear of what the card stores.
    using Store = std::function<void(uint32_t offset, std::span<const uint8_t>)>;
    void store_by(Store store) { store_ = std::move(store); }

    void note_written(uint32_t offset, uint32_t length = 1);
    // The handler has the next write to each of these pages told by note_written(), if the card does not see it.
    using Watch = std::function<void(uint32_t first_page, uint32_t pages)>;
    void on_collected(Watch watch) { watch_ = std::move(watch); }

    // Takes note of what was written up to now; the number of this collection. There may be several who ask.
    uint64_t collect();
    // Was the page written between that collection (0: the beginning) and the last one?
    bool written_since(uint32_t page, uint64_t collection) const { return stamp_[page] > collection; }

private:
    std::span<uint8_t> bytes_;
    std::vector<bool> written_;
    std::vector<uint64_t> stamp_;  // by page: the collection that found it written last
    uint64_t collections_ = 0;
    Watch watch_;
    Store store_;
};

}  // namespace ringfold
