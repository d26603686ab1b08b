// Configuration mechanism 1: the address at port 0xCF8, the data at 0xCFC to 0xCFF (PCI 2.1, 3.7.4.1), and the reset
// control register that a PIIX3 has in between.
#pragma once

#include "devices/device.h"
#include "devices/pci_bus.h"
#include "devices/reset_control.h"

namespace ringfold {

// Registers: 0-7 are ports 0xCF8 to 0xCFF; claim them with Width::Dword. Only 32-bit accesses reach the address; byte
// accesses to its second byte are the reset control register's.
class PciConfigPorts final : public Device {
public:
    struct State {
        uint32_t address = 0;

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "address", address);
        }
    };

    PciConfigPorts(PciBus& bus, ResetControl& reset_control) : bus_(bus), reset_control_(reset_control) {}

    uint32_t read(uint32_t offset, unsigned size) override {
        if (offset < 4) return offset == 0 && size == 4 ? state_.address : reset_control_.read(offset, size);
        return enabled() ? bus_.config_read(target(offset), size) : 0xffffffff;
    }
    void write(uint32_t offset, unsigned size, uint32_t value) override {
        if (offset == 0 && size == 4)
            state_.address = value & kAddressBits;
        else if (offset < 4)
            reset_control_.write(offset, size, value);
        else if (enabled())
            bus_.config_write(target(offset), size, value);
    }
    void reset() override { state_ = State{}; }

    const State& state() const { return state_; }
    void restore(const State& s) { state_ = s; }

private:
    static constexpr uint32_t kEnable = 0x80000000, kAddressBits = 0x80fffffc;

    bool enabled() const { return state_.address & kEnable; }
    // Never over the end of its dword: that is the end of the range, where the bus cuts.
    uint32_t target(uint32_t offset) const { return (state_.address & ~kEnable) | (offset & 3); }

    PciBus& bus_;
    ResetControl& reset_control_;
    State state_;
};

}  // namespace ringfold
