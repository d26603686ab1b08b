// One IDE cable: a command block, a control block, an interrupt line and up to two devices.
#pragma once

#include <array>
#include <memory>

#include "devices/device.h"
#include "devices/ide/ide_unit.h"
#include "devices/irq_line.h"

namespace ringfold {

// Registers: 0-7 the command block (1f0 or 170), 8 the control block (3f6 or 376).
class IdeChannel final : public Device, private IdeUnit::Cable {
public:
    struct State {
        uint8_t control = 0;
        uint8_t device = 0;

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "control", control, "device", device);
        }
    };

    // The DMA engine outlives the channel.
    IdeChannel(IrqLine irq, DmaEngine& dma) : irq_(irq), dma_(dma) {}

    IdeUnit::Cable& cable() { return *this; }
    // Position 0 is the master.
    void attach(unsigned position, std::unique_ptr<IdeUnit> unit) { units_[position] = std::move(unit); }
    IdeUnit* unit(unsigned position) const { return units_[position].get(); }
    void dma_started();

    uint32_t read(uint32_t offset, unsigned size) override;
    void write(uint32_t offset, unsigned size, uint32_t value) override;
    void reset() override;

    const State& state() const { return state_; }
    // After the units' states.
    void restore(const State& s);

private:
    IdeUnit* selected() const { return units_[state_.device >> 4 & 1].get(); }
    uint8_t read_byte(uint32_t offset);
    void write_byte(uint32_t offset, uint8_t value);
    uint8_t status() const;
    void write_control(uint8_t value);
    void write_command(uint8_t code);
    void reset_units();
    void interrupt_changed() override;
    DmaEngine& dma() override { return dma_; }

    IrqLine irq_;
    DmaEngine& dma_;
    std::array<std::unique_ptr<IdeUnit>, 2> units_;
    State state_;
};

}  // namespace ringfold
