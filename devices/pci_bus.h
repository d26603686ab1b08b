// PCI bus 0: finds the function behind a configuration address, puts base address registers on the machine's bus, and
// joins the functions' interrupt pins to four wires.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "devices/bus.h"
#include "devices/irq_line.h"
#include "devices/pci_device.h"

namespace ringfold {

// Where a function sits: device 0 to 31, function 0 to 7.
struct PciSlot {
    uint8_t device = 0, function = 0;
    constexpr uint8_t devfn() const { return static_cast<uint8_t>(device << 3 | function); }
};

class PciBus final : private IrqSink {
public:
    // Who pulls an interrupt wire; the wires' levels are the router's to keep.
    struct State {
        std::array<bool, 256> asserted{};  // by devfn

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "asserted", asserted);
        }
    };

    explicit PciBus(Bus& bus) : bus_(bus) {}

    // Functions are not owned and must outlive the bus. Throws HostError if the slot is taken.
    void add(PciSlot slot, PciDevice& function);
    // The wires PIRQA# to PIRQD# lead to inputs 0 to 3 of `router`. Set before the guest runs.
    void connect_interrupts(IrqSink* router) { router_ = router; }

    // `address` as in the register at port 0xCF8, without its enable bit: bus, device, function, register. Nobody
    // there: all ones, and writes vanish.
    uint32_t config_read(uint32_t address, unsigned size) const;
    void config_write(uint32_t address, unsigned size, uint32_t value);

    // nullptr where nobody is.
    const PciDevice* function_at(uint8_t devfn) const { return functions_[devfn]; }

    // RST# for all functions' configuration.
    void reset();
    // Makes the machine's bus follow the base address registers. One that meets another device's range is not decoded
    // until that has gone: the first to come stays. Behind every configuration write, and after a restored state.
    void remap();

    State state() const { return {asserted_}; }
    // After all functions' states: puts them on the machine's bus too.
    void restore(const State& s);

private:
    struct Window {
        const PciDevice* function;
        PciBar bar;
        std::optional<uint32_t> at;  // where it is claimed
    };
    PciDevice* function(uint32_t address) const;
    void unmap(Window&);
    void map(Window&, uint32_t at);
    void set_irq(unsigned input, bool level) override;

    Bus& bus_;
    IrqSink* router_ = nullptr;
    std::array<PciDevice*, 256> functions_{};  // by devfn
    std::array<bool, 256> asserted_{};         // by devfn
    std::array<uint16_t, 4> asserting_{};      // by wire: how many functions pull it
    std::vector<Window> windows_;
};

}  // namespace ringfold
