// The part of the machine that holds data: DMA controllers, IDE and floppy controllers, and the drives on them.
#pragma once

#include <optional>

#include "devices/apic/isa_interrupts.h"
#include "devices/bus.h"
#include "devices/dma8237.h"
#include "devices/floppy/floppy_controller.h"
#include "devices/ide/ata_disk.h"
#include "devices/ide/atapi_cdrom.h"
#include "devices/ide/ide_controller.h"
#include "devices/ide/piix_ide.h"
#include "devices/pci_bus.h"
#include "devices/rtc.h"
#include "vmm/drives.h"
#include "vmm/snapshot/state_parts.h"

namespace ringfold {

class Storage {
public:
    // What it sits on; all of it outlives the storage. Without PCI there is no bus master.
    struct Board {
        Bus& bus;
        IsaInterrupts& irqs;
        PhysicalMemory& memory;
        Rtc& rtc;
        PciBus* pci = nullptr;
    };
    Storage(const Board&, const Drives&);

    void list_parts(StateParts&);
    // The CD-ROM drive at that place, or null.
    AtapiCdrom* cdrom(unsigned index);

private:
    void connect_ide(const Board&, const Drives&);
    void connect_floppies(const Board&, const Drives&);

    Dma8237 dma_;
    IdeController ide_;
    std::optional<PiixIde> pci_function_;
    FloppyController floppy_;
    std::vector<std::pair<unsigned, AtaDisk*>> disks_;
    std::vector<std::pair<unsigned, AtapiCdrom*>> cdroms_;
};

}  // namespace ringfold
