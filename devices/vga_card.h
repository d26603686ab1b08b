// The VGA as a PCI card with its BIOS in ROM, as QEMU's "std" card is known to guests.
#pragma once

#include <bit>
#include <utility>
#include <vector>

#include "devices/pci_device.h"
#include "devices/rom.h"
#include "devices/vga.h"

namespace ringfold {

class VgaCard final : public PciDevice {
public:
    // `bios`: a multiple of 512 bytes, or empty for a card without. `vga` outlives the card.
    VgaCard(Vga& vga, std::vector<uint8_t> bios)
        : PciDevice({.vendor = 0x1234,
                     .device = 0x1111,
                     .class_code = 0x030000,
                     .revision = 2}),
          rom_(std::move(bios)) {
        add_bar({.space = PciBar::Space::Prefetchable,
                 .index = 0,
                 .size = Vga::kMemoryBytes,
                 .registers = &vga.framebuffer()});
        if (rom_.size() > 0)
            add_bar({.space = PciBar::Space::Rom, .size = std::bit_ceil(rom_.size()), .registers = &rom_});
    }

private:
    Rom rom_;
};

}  // namespace ringfold
