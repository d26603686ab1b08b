// PCI function 1 of the PIIX3: the IDE controller with its bus masters' base address register (82371SB data sheet
// 290550, 2.3). The channels stay at the AT's ports and interrupts.
#pragma once

#include "devices/ide/ide_controller.h"
#include "devices/pci_device.h"

namespace ringfold {

class PiixIde final : public PciDevice {
public:
    explicit PiixIde(IdeController& controller);
};

}  // namespace ringfold
