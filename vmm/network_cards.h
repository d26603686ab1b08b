// The machine's network cards, in the PCI slots from 3 on.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "devices/pci_bus.h"
#include "devices/timed_device.h"
#include "vmm/base/io.h"
#include "vmm/networks.h"
#include "vmm/snapshot/state_parts.h"

namespace ringfold {

class NetworkCards {
public:
    // `first_slot` is the PCI device number of the first; all of it outlives the cards, which outlive the bus.
    NetworkCards(PciBus&, PhysicalMemory&, const Clock&, const NicOptions&, const Networks&, unsigned first_slot);

    // Their parts of a snapshot: "e1000-0" and so on.
    void list_parts(StateParts&);
    const std::vector<TimedDevice*>& timed() const { return timed_; }

private:
    void add(const NicOption&, net::NetPort&, PhysicalMemory&, const Clock&);

    std::vector<std::unique_ptr<PciDevice>> cards_;
    std::vector<std::function<void(StateParts&)>> parts_;
    std::vector<TimedDevice*> timed_;
};

}  // namespace ringfold
