// The port and device-memory decoder: finds the device behind an address and cuts accesses to its width.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "devices/device.h"
#include "vmm/base/io.h"

namespace ringfold {

// The widest access that a range takes whole. What is wider, or reaches over the range's end, is split into
// halves down to bytes, low address first, as the ISA bus does.
enum class Width : uint8_t { Byte = 1, Word = 2, Dword = 4 };

struct PortRange {
    uint16_t base = 0;
    uint32_t length = 1;
    uint32_t first_register = 0;  // the device's register at `base`: a device may sit at several places
    Width width = Width::Byte;
};

struct MmioRange {
    GuestPhys base;
    uint64_t length = 0;
    Width width = Width::Dword;
    uint32_t first_register = 0;
};

// Devices are not owned and must outlive their ranges.
class Bus final : public PortIo, public MmioIo {
public:
    Bus();

    // Throw HostError if the range is empty, leaves the address space or meets one that is claimed.
    void claim(PortRange range, Device& device);
    void claim(MmioRange range, Device& device);
    // Does nobody own any of it yet, and would a claim succeed?
    bool vacant(PortRange range) const;
    bool vacant(MmioRange range) const;
    // Gives up all ranges of the device, or the one that begins there.
    void release(Device& device);
    void release_ports(uint16_t base);
    void release_memory(GuestPhys base);

    // Where in the address space registers are plain memory for now; the listener hears when that may have changed.
    struct PlainMemory {
        GuestPhys at;
        uint64_t length, memory;  // see PlainRegisters
    };
    std::vector<PlainMemory> plain_memory() const;
    void on_plain_changed(std::function<void()> listener) { plain_listener_ = std::move(listener); }
    void plain_changed() {
        if (plain_listener_) plain_listener_();
    }

    uint32_t in(uint16_t port, unsigned size) override;
    void out(uint16_t port, unsigned size, uint32_t value) override;
    uint64_t read(GuestPhys address, unsigned size) override;
    void write(GuestPhys address, unsigned size, uint64_t value) override;

private:
    struct Claim {
        uint64_t base;
        uint64_t length;
        uint32_t first_register;
        unsigned width;
        Device* device;  // null: released

        bool takes(uint64_t address, unsigned size) const;
        uint32_t offset(uint64_t address) const { return first_register + static_cast<uint32_t>(address - base); }
    };
    std::optional<std::string> objection(PortRange range) const;
    std::optional<std::string> objection(MmioRange range) const;
    void release(Claim& ports);
    const Claim* port_claim(uint32_t port) const;
    const Claim* mmio_claim(uint64_t address) const;
    uint32_t in_at(uint32_t port, unsigned size);
    void out_at(uint32_t port, unsigned size, uint32_t value);
    uint64_t read_at(uint64_t address, unsigned size);
    void write_at(uint64_t address, unsigned size, uint64_t value);

    std::vector<Claim> port_claims_;
    std::vector<uint16_t> port_map_;  // per port: index into port_claims_ plus one, or 0
    std::vector<Claim> mmio_claims_;  // sorted by base
    std::function<void()> plain_listener_;
};

}  // namespace ringfold
