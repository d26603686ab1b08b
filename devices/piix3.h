// The ISA bridge of the 82371SB (PIIX3): leads PCI's four interrupt wires to inputs of the 8259 pair (data sheet
// 290550, 2.1.9).
#pragma once

#include <array>
#include <cstdint>

#include "devices/irq_line.h"
#include "devices/pci_device.h"

namespace ringfold {

// Inputs 0 to 3 are PIRQA# to PIRQD#. ELCR, which belongs to this chip, is in Pic; the reset control register is in
// ResetControl.
class Piix3 final : public PciDevice, public IrqSink {
public:
    struct State {
        PciState pci;
        std::array<bool, 4> pirq{};

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "pci", pci, "pirq", pirq);
        }
    };

    explicit Piix3(IrqSink& pic);

    void set_irq(unsigned pirq, bool level) override;
    // What firmware does first: leads PIRQA# to PIRQD# to these IRQs.
    void set_routes(const uint8_t (&irqs)[4]);

    State state() const { return {pci_state(), pirq_}; }
    void restore(const State& s);

private:
    // The input that a wire leads to, or kNoIrq.
    unsigned route(unsigned pirq) const;
    void config_changed(uint8_t offset, unsigned size) override;
    void update();

    static constexpr unsigned kNoIrq = 0;  // IRQ 0 cannot be chosen

    IrqSink& pic_;
    std::array<bool, 4> pirq_{};
    uint16_t driven_ = 0;  // inputs of the PIC that are held up from here
};

}  // namespace ringfold
