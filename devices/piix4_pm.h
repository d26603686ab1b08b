// Power management of the 82371AB (PIIX4), function 3: the ACPI timer, the power button, soft off, and the SMI command
// ports as they look without a system management mode (data sheet 290562, chapter 7).
#pragma once

#include <cstdint>
#include <functional>

#include "devices/face.h"
#include "devices/irq_line.h"
#include "devices/pci_device.h"
#include "devices/timed_device.h"

namespace ringfold {

// The 64 registers that PMBASE places: claimed by the PCI bus, not by the machine.
class Piix4Pm final : public PciDevice, public TimedDevice {
public:
    struct State {
        PciState pci;
        uint16_t status = 0, enable = 0, control = 0;
        uint8_t smi_command = 0, smi_status = 0;
        Nanoseconds seen = 0;  // `status` is up to date to this time on the clock

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "pci", pci, "status", status, "enable", enable, "control", control, "smi_command",
                           smi_command, "smi_status", smi_status, "seen", seen);
        }
    };

    // `sci` is IRQ 9. `power_off` is called when the guest switches the machine off.
    Piix4Pm(const Clock& clock, IrqLine sci, std::function<void()> power_off);

    // Ports 0xB2 and 0xB3 are the registers 0 and 1 of this one.
    Device& smi_ports() { return smi_ports_; }
    // What firmware does first: the registers from this port on, a multiple of 64.
    void place_ports(uint16_t base);
    // The user pressed it. A guest that listens shuts itself down.
    void press_power_button();

    std::optional<uint32_t> decoded(const PciBar&) const override;
    std::optional<Nanoseconds> next_deadline() const override;
    void advance(Nanoseconds now) override;
    void reset();

    State state() const;
    void restore(const State& s);

private:
    uint32_t read_pm(uint32_t offset, unsigned size);
    void write_pm(uint32_t offset, unsigned size, uint32_t value);
    uint32_t read_smi(uint32_t offset, unsigned size);
    void write_smi(uint32_t offset, unsigned size, uint32_t value);
    uint32_t timer() const;
    void write_control(uint16_t value);
    void update_sci();

    const Clock& clock_;
    IrqLine sci_;
    std::function<void()> power_off_;
    Face<Piix4Pm, &Piix4Pm::read_pm, &Piix4Pm::write_pm> pm_registers_{*this};
    Face<Piix4Pm, &Piix4Pm::read_smi, &Piix4Pm::write_smi> smi_ports_{*this};
    uint16_t status_ = 0, enable_ = 0, control_ = 0;
    uint8_t smi_command_ = 0, smi_status_ = 0;
    Nanoseconds seen_ = 0;
};

}  // namespace ringfold
