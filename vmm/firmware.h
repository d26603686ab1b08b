// A PC's firmware: a ROM that ends at 4 GiB, and what a CPU finds at its first instruction.
#pragma once

#include <string>
#include <vector>

#include "vmm/image.h"
#include "vmm/loader.h"

namespace ringfold {

class Firmware final : public Loader {
public:
    // The file that -bios names; empty: SeaBIOS where Debian and others put it. A name that is not a file here is looked
    // for in `folders`, and where SeaBIOS would be. Throws HostError with a remedy.
    explicit Firmware(const std::string& path, const std::vector<std::string>& folders = {});

    std::span<const uint8_t> rom() const override { return rom_.slice(0, rom_.size()); }
    // The shadow below 1 MiB of the ROM's end, and the CPU at its power-on state.
    void place(Ram&, CpuState&) const override;

private:
    Image rom_;
};

// The BIOS of the VGA card, from where Debian and others put it. Throws HostError with a remedy.
std::vector<uint8_t> find_vga_bios();

}  // namespace ringfold
