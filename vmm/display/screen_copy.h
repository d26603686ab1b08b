// A copy of what a display card shows, brought up to date on the vCPU's thread and drawn on another: the guest does not
// wait while a picture is made, and no picture is half of one moment and half of another.
#pragma once

#include <vector>

#include "devices/vga.h"

namespace ringfold {

class ScreenCopy {
public:
    // Another card, as after a reset: nothing of the old one is good any more.
    void connect(const Vga& vga);

    // On the vCPU's thread. Copies the registers and those pages in sight that were written since the last update; false
    // if there was nothing to copy, and so the picture is the same.
    bool update();

    // On any thread, not during update().
    Picture picture() const { return vga_picture(registers_, memory_.data()); }
    TextScreen text_screen() const { return vga_text_screen(registers_, memory_.data()); }

private:
    const Vga* vga_ = nullptr;
    VgaState registers_;
    std::vector<uint8_t> memory_ = std::vector<uint8_t>(kVgaMemoryBytes + kVgaTextBytes);
    std::vector<uint64_t> copied_;  // by page: the collection as of which it was copied last
    uint64_t changes_ = 0;
};

}  // namespace ringfold
