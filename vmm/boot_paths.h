// The devices that firmware is to boot from first, by bootindex=.
#pragma once

#include <string>

#include "vmm/drive_options.h"
#include "vmm/fw_cfg_options.h"
#include "vmm/nic_options.h"

namespace ringfold {

// PCI slots: network cards from the first on, virtio disks behind them.
inline constexpr unsigned kFirstCardSlot = 3, kCardSlots = 32 - kFirstCardSlot;

// What fw_cfg's file "bootorder" holds: Open Firmware's names of them, one a line, as QEMU writes and SeaBIOS reads
// them. Empty if no device has a boot index.
std::string boot_paths(const NicOptions&, const DriveOptions&, const std::vector<FwCfgItem>& roms);

}  // namespace ringfold
