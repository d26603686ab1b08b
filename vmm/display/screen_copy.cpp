// Which pages a copy of the screen lacks.
#include "vmm/display/screen_copy.h"

#include <algorithm>
#include <cstring>

namespace ringfold {

void ScreenCopy::connect(const Vga& vga) {
    vga_ = &vga;
    copied_.assign(memory_.size() / VideoMemory::kPageBytes, 0);
    changes_ = 0;
}

bool ScreenCopy::update() {
    constexpr uint32_t kPage = VideoMemory::kPageBytes;
    VideoMemory& memory = vga_->memory();
    const uint64_t now = memory.collect();
    bool changed = vga_->changes() != changes_;
    if (changed) registers_ = vga_->state();
    changes_ = vga_->changes();
    for (const VisibleMemory& seen : vga_visible(registers_)) {
        for (uint32_t page = seen.begin / kPage; page * kPage < seen.end; ++page) {
            if (!memory.written_since(page, copied_[page])) continue;
            memcpy(&memory_[page * kPage], memory.data() + page * kPage, kPage);
            copied_[page] = now;
            changed = true;
        }
    }
    return changed;
}

}  // namespace ringfold
