// The 82093AA I/O APIC (data sheet 290566): 24 interrupt pins, each turned into messages to local APICs as its entry of
// the redirection table says.
#pragma once

#include <array>
#include <cstdint>

#include "devices/apic/interrupt_message.h"
#include "devices/device.h"
#include "devices/irq_line.h"

namespace ringfold {

// Registers: 00h IOREGSEL, 10h IOWIN. Pins are driven by what they mean, so that an entry's polarity bit changes nothing,
// as in QEMU: this PC leads PCI's wires, which are low when active, through the PIIX.
class IoApic final : public Device, public IrqSink, public InterruptSource {
public:
    static constexpr unsigned kPins = 24;
    static constexpr uint64_t kBase = 0xfec00000;
    static constexpr uint32_t kVersion = 0x11;
    // Redirection entries.
    static constexpr uint32_t kLogical = 1 << 11, kRemoteIrr = 1 << 14, kLevel = 1 << 15, kMasked = 1 << 16;

    struct State {
        uint8_t select = 0;
        uint8_t id = 0;
        std::array<uint32_t, kPins> low{}, high{};  // the redirection table
        uint32_t lines = 0;                         // levels of the pins
        uint32_t waiting = 0;                       // pins with something to deliver

        State() { low.fill(kMasked); }
        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "select", select, "id", id, "low", low, "high", high, "lines", lines, "waiting",
                           waiting);
            archive.require(lines >> kPins == 0 && waiting >> kPins == 0, "lines");
        }
    };

    explicit IoApic(InterruptMessages& cpus) : cpus_(cpus) {}

    uint32_t read(uint32_t offset, unsigned size) override;
    void write(uint32_t offset, unsigned size, uint32_t value) override;
    void reset() override;

    void set_irq(unsigned pin, bool level) override;
    void end_of_interrupt(uint8_t vector) override;
    void offer_again() override;

    // How often each pin has gone up since power-on.
    const std::array<uint64_t, kPins>& counts() const { return counts_; }
    const State& state() const { return state_; }
    void restore(const State& s) { state_ = s; }

private:
    uint32_t read_register() const;
    void write_register(uint32_t value);
    void write_entry(unsigned pin, uint32_t low);
    void service(unsigned pin);

    InterruptMessages& cpus_;
    State state_;
    std::array<uint64_t, kPins> counts_{};
};

}  // namespace ringfold
