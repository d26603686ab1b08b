// The IDE part of the PIIX: two channels with their bus masters.
#pragma once

#include <array>
#include <string>

#include "devices/ide/bus_master.h"
#include "devices/ide/ide_channel.h"
#include "vmm/block/block_device.h"

namespace ringfold {

class AtaDisk;
class AtapiCdrom;

// Its own registers are the bus masters': 0-7 the first channel's, 8-15 the second's.
class IdeController final : public Device {
public:
    IdeController(IrqLine irq14, IrqLine irq15, PhysicalMemory& memory);

    // Drives 0 to 3: the masters and slaves of the channels in turn. A disk's medium has to be there.
    AtaDisk& attach_disk(unsigned drive, block::BlockDevice& medium, std::string serial = "");
    AtapiCdrom& attach_cdrom(unsigned drive, block::BlockDevice& medium, std::string serial = "");
    // Says whether the bus masters may use the bus.
    void allow_dma_if(const std::function<bool()>& allowed);

    IdeChannel& channel(unsigned n) { return channels_[n]; }
    BusMaster& bus_master(unsigned n) { return bus_masters_[n]; }

    uint32_t read(uint32_t offset, unsigned size) override {
        return bus_masters_[offset >> 3 & 1].read(offset & 7, size);
    }
    void write(uint32_t offset, unsigned size, uint32_t value) override {
        bus_masters_[offset >> 3 & 1].write(offset & 7, size, value);
    }
    void reset() override;

private:
    std::array<BusMaster, 2> bus_masters_;
    std::array<IdeChannel, 2> channels_;
};

}  // namespace ringfold
