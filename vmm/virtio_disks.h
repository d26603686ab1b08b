// The machine's virtio disks, each in a PCI slot of its own.
#pragma once

#include <deque>

#include "devices/pci_bus.h"
#include "devices/virtio/virtio_block.h"
#include "vmm/base/io.h"
#include "vmm/drives.h"
#include "vmm/snapshot/state_parts.h"

namespace ringfold {

class VirtioDisks {
public:
    // From PCI device `first_slot` on; all of it outlives the disks, which outlive the bus.
    VirtioDisks(PciBus&, PhysicalMemory&, const Drives&, unsigned first_slot);
    void list_parts(StateParts&);

private:
    std::deque<VirtioBlock> disks_;
};

}  // namespace ringfold
