// One function on the PCI bus: its 256 bytes of configuration space, its base address registers and its interrupt pin
// (PCI Local Bus Specification 2.1, chapter 6). A device derives from it; where its registers sit is PciBus's business.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "devices/bus.h"
#include "devices/irq_line.h"

namespace ringfold {

struct PciIdentity {
    uint16_t vendor = 0, device = 0;
    uint32_t class_code = 0;  // 24 bits: base class, subclass, programming interface
    uint8_t revision = 0;
    // What QEMU's functions show that have no number of their own; drivers for its devices go by it.
    uint16_t subsystem_vendor = 0x1af4, subsystem = 0x1100;
    uint8_t interrupt_pin = 0;   // 1 to 4 are INTA# to INTD#; 0: it has none
    bool multifunction = false;  // for function 0 of a device that has others
};

// A base address register, and the registers that answer where the guest puts it.
struct PciBar {
    enum class Space : uint8_t { Io, Memory, Prefetchable, Rom } space = Space::Memory;
    uint8_t index = 0;  // 0 to 5; of no meaning for Rom, which is at 0x30
    // A power of two: 4 to 256 bytes of ports, 16 bytes to 1 GiB of memory, 2 KiB to 16 MiB of ROM.
    uint32_t size = 0;
    Device* registers = nullptr;  // outlives the bus
    uint32_t first_register = 0;
    Width width = Width::Dword;
};

class PciDevice {
public:
    struct PciState {
        std::array<uint8_t, 256> config{};

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "config", config);
        }
    };

    explicit PciDevice(const PciIdentity& identity);
    virtual ~PciDevice() = default;
    PciDevice(const PciDevice&) = delete;
    PciDevice& operator=(const PciDevice&) = delete;

    // `size` is 1, 2 or 4; the access stays within its dword.
    uint32_t config_read(uint8_t offset, unsigned size) const;
    void config_write(uint8_t offset, unsigned size, uint32_t value);
    // RST#: nothing is decoded, and what allow_write() lets a guest change has its first value again.
    void reset_config();

    // May the device use the bus itself? To be asked before each DMA.
    bool bus_master() const { return config_[kCommand] & kBusMaster; }

    const std::vector<PciBar>& bars() const { return bars_; }
    // Where that register decodes now; nothing while it is switched off, is zero, or lies outside 32-bit memory or
    // 16-bit ports.
    virtual std::optional<uint32_t> decoded(const PciBar&) const;

    // Driven by the device, once PciBus has connected it.
    const IrqLine& interrupt() const { return interrupt_; }
    void connect_interrupt(IrqLine line) { interrupt_ = line; }

    // What a function has that is nothing but configuration; others have a State of their own with a PciState in it.
    PciState state() const { return pci_state(); }
    void restore(const PciState& s) { restore_pci(s); }

    PciState pci_state() const { return {config_}; }
    // The bus has to be told (PciBus::remap()) once all functions have their state.
    void restore_pci(const PciState& s) { config_ = s.config; }

protected:
    static constexpr uint8_t kCommand = 0x04, kStatus = 0x06, kRomBase = 0x30, kInterruptLine = 0x3c;
    static constexpr uint16_t kIoEnable = 1, kMemoryEnable = 2, kBusMaster = 4;

    // In the constructor. add_bar() throws HostError for what PciBar does not allow.
    void add_bar(const PciBar& bar);
    // Registers whose place is told in another way than by a base address register: decoded() is overridden to say it.
    void add_window(const PciBar& bar) { bars_.push_back(bar); }
    // Sets a register's first value, and which of its bits a guest can change.
    void define(uint8_t offset, unsigned size, uint32_t first, uint32_t writable = 0);

    uint32_t config(uint8_t offset, unsigned size) const { return config_read(offset, size); }
    void set_config(uint8_t offset, unsigned size, uint32_t value);

    // After a guest's write of `size` bytes at `offset` that changed something there.
    virtual void config_changed(uint8_t /*offset*/, unsigned /*size*/) {}

private:
    static uint8_t register_of(const PciBar& bar) {
        return static_cast<uint8_t>(bar.space == PciBar::Space::Rom ? kRomBase : 0x10 + 4 * bar.index);
    }

    std::array<uint8_t, 256> config_{}, first_{}, writable_{};
    std::vector<PciBar> bars_;
    IrqLine interrupt_ = IrqLine::none();
};

}  // namespace ringfold
