// Names devices as firmware does.
#include "vmm/boot_paths.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "vmm/base/result.h"

namespace ringfold {

namespace {

using Interface = DriveOption::Interface;

std::string path_of(const DriveOption& drive, const DriveOptions& all, unsigned first_slot) {
    const unsigned place = drive.index.value_or(0);
    switch (drive.interface) {
        case Interface::Ide:
            return fmt::format("/pci@i0cf8/ide@1,1/drive@{}/disk@{}", place / 2, place % 2);
        case Interface::Virtio:
            return fmt::format("/pci@i0cf8/scsi@{:x}/disk@0,0", first_slot + std::ranges::count_if(all.list, [&](const DriveOption& d) {
                                                                        return d.interface == Interface::Virtio && d.index < place;
                                                                    }));
        case Interface::Floppy:
            return fmt::format("/pci@i0cf8/isa@1/fdc@03f0/floppy@{}", place);
        case Interface::None:
            break;
    }
    return "";
}

}  // namespace

std::string boot_paths(const NicOptions& nics, const DriveOptions& drives, const std::vector<FwCfgItem>& roms) {
    std::map<unsigned, std::string> paths;
    const auto add = [&paths](unsigned index, const std::string& path, const std::string& shown) {
        if (!paths.emplace(index, path).second)
            throw HostError(fmt::format("{}: another device has bootindex={}", shown, index));
    };
    unsigned slot = kFirstCardSlot;
    for (const NicOption& nic : nics.nics) {
        if (nic.boot_index) add(*nic.boot_index, fmt::format("/pci@i0cf8/ethernet@{:x}/ethernet-phy@0", slot), nic.shown);
        ++slot;
    }
    for (const DriveOption& drive : drives.list)
        if (drive.boot_index) add(*drive.boot_index, path_of(drive, drives, slot), drive.shown);
    for (const FwCfgItem& rom : roms)
        if (rom.boot_index) add(*rom.boot_index, fmt::format("/rom@{}", rom.name), rom.shown);
    std::string lines;
    for (const auto& [index, path] : paths) lines += (lines.empty() ? "" : "\n") + path;
    return lines;
}

}  // namespace ringfold
