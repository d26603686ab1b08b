// Puts channels, bus masters and drives together.
#include "devices/ide/ide_controller.h"

#include "devices/ide/ata_disk.h"
#include "devices/ide/atapi_cdrom.h"

namespace ringfold {

IdeController::IdeController(IrqLine irq14, IrqLine irq15, PhysicalMemory& memory)
    : bus_masters_{BusMaster(memory), BusMaster(memory)},
      channels_{IdeChannel(irq14, bus_masters_[0]), IdeChannel(irq15, bus_masters_[1])} {
    for (unsigned n = 0; n < 2; n++) bus_masters_[n].on_start([this, n] { channels_[n].dma_started(); });
}

AtaDisk& IdeController::attach_disk(unsigned drive, block::BlockDevice& medium, std::string serial) {
    IdeChannel& channel = channels_[drive / 2];
    auto disk = std::make_unique<AtaDisk>(channel.cable(), medium, serial.empty() ? "RF0000" + std::to_string(drive + 1) : std::move(serial));
    AtaDisk& attached = *disk;
    channel.attach(drive % 2, std::move(disk));
    bus_masters_[drive / 2].announce_drive(drive % 2);
    return attached;
}

AtapiCdrom& IdeController::attach_cdrom(unsigned drive, block::BlockDevice& medium, std::string serial) {
    IdeChannel& channel = channels_[drive / 2];
    auto cdrom = std::make_unique<AtapiCdrom>(channel.cable(), medium, serial.empty() ? "RF0000" + std::to_string(drive + 1) : std::move(serial));
    AtapiCdrom& attached = *cdrom;
    channel.attach(drive % 2, std::move(cdrom));
    bus_masters_[drive / 2].announce_drive(drive % 2);
    return attached;
}

void IdeController::allow_dma_if(const std::function<bool()>& allowed) {
    for (BusMaster& b : bus_masters_) b.allow_if(allowed);
}

void IdeController::reset() {
    for (BusMaster& b : bus_masters_) b.reset();
    for (IdeChannel& c : channels_) c.reset();
}

}  // namespace ringfold
