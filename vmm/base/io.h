// What a CPU sees of the machine around it. devices/ implements these; the CPU side never names a device.
#pragma once

#include <cstdint>
#include <span>

#include "vmm/base/types.h"

namespace ringfold {

// I/O ports. `size` is 1, 2 or 4 bytes; a port that nobody answers reads as all ones and swallows writes.
class PortIo {
public:
    virtual ~PortIo() = default;
    virtual uint32_t in(uint16_t port, unsigned size) = 0;
    virtual void out(uint16_t port, unsigned size, uint32_t value) = 0;
};

// Physical addresses that are not RAM. `size` is 1, 2, 4 or 8 bytes and never crosses a page.
class MmioIo {
public:
    virtual ~MmioIo() = default;
    virtual uint64_t read(GuestPhys address, unsigned size) = 0;
    virtual void write(GuestPhys address, unsigned size, uint64_t value) = 0;
};

// The 8259 pair (or a local APIC) as the CPU's pins see it. All calls come on the vCPU's thread.
class InterruptController {
public:
    virtual ~InterruptController() = default;
    virtual bool intr() const = 0;          // level of the INTR pin
    virtual uint8_t acknowledge() = 0;      // INTA cycle: the vector; a spurious one if INTR has gone
    virtual bool nmi() const { return false; }  // an NMI waits
    virtual void acknowledge_nmi() {}
    // IA32_APIC_BASE (SDM volume 3, 10.4.4); bit 11 is the local APIC's presence in CPUID. Zero where there is none.
    virtual uint64_t apic_base() const { return 0; }
    // False: a reserved bit is set.
    virtual bool set_apic_base(uint64_t value) { return value == 0; }
};

// Guest-physical memory as a bus master sees it: RAM, with traces honoured. Ranges outside RAM read as all
// ones and swallow writes. Both return false if any byte was outside RAM.
class PhysicalMemory {
public:
    virtual ~PhysicalMemory() = default;
    virtual bool dma_read(GuestPhys from, std::span<uint8_t> to) = 0;
    virtual bool dma_write(GuestPhys to, std::span<const uint8_t> from) = 0;
};

}  // namespace ringfold
