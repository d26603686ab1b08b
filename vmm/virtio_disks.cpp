// Puts the drives that ask for it on virtio.
#include "vmm/virtio_disks.h"

#include <fmt/format.h>

namespace ringfold {

VirtioDisks::VirtioDisks(PciBus& bus, PhysicalMemory& memory, const Drives& drives, unsigned first_slot) {
    for (unsigned n = 0; n < DriveOption::kVirtioPlaces; ++n) {
        const Drives::Entry* entry = drives.find(DriveOption::Interface::Virtio, n);
        if (!entry) continue;
        bus.add({static_cast<uint8_t>(first_slot++), 0},
                disks_.emplace_back(*entry->drive, memory, entry->option.serial.empty() ? fmt::format("RF000V{}", n) : entry->option.serial));
    }
}

void VirtioDisks::list_parts(StateParts& parts) {
    for (size_t n = 0; n < disks_.size(); ++n) parts.add(fmt::format("virtio-disk{}", n), disks_[n]);
}

}  // namespace ringfold
