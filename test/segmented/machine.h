// A machine for code in any kind of segment: 2 MiB of RAM, mapped one to one if paging is on, with real-mode vectors,
// an IDT, a GDT and a TSS. Whatever is not ours to run ends in HLT.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "shadowmmu/guest_memory.h"
#include "translator/engine/vcpu_memory.h"
#include "vmm/base/cpu.h"
#include "vmm/base/io.h"

namespace ringfold::test {

inline constexpr uint32_t kRamBytes = 2 << 20;
inline constexpr uint32_t kVectors = 0, kRealHandlers = 0x600, kGdt = 0x1000, kIdt = 0x2000, kHandlers = 0x3000, kTss = 0x4000,
                          kDirectory = 0x5000, kTable = 0x6000, kRing0Stack = 0x8000, kFree = 0x10000;
inline constexpr uint16_t kFlatCode = 0x08, kFlatData = 0x10, kTssSelector = 0x18, kFirstFree = 0x20, kSelectors = 24;

struct SegmentedCase {
    CpuState state;
    std::vector<uint8_t> ram;  // kRamBytes
    uint8_t* at(uint32_t linear) { return linear < ram.size() ? &ram[linear] : nullptr; }
};

class SegmentedMachine {
public:
    using Make = std::function<std::unique_ptr<Cpu>(SegmentedMachine&)>;
    explicit SegmentedMachine(const Make& make = {});

    void load(const SegmentedCase&);
    void poke(uint32_t physical, std::span<const uint8_t> bytes);
    void run();  // until the CPU halts or shuts down, or five seconds are over

    VcpuContext& context() { return context_; }
    CpuState& state() { return context_.cpu; }
    GuestMemory& memory() { return memory_; }
    PortIo& ports() { return ports_; }
    InterruptController& interrupts() { return interrupts_; }
    std::span<const uint8_t> ram() { return {ram_.host(GuestPhys(0)), kRamBytes}; }

private:
    struct NoPorts final : PortIo {
        uint32_t in(uint16_t, unsigned) override { return 0xffffffff; }
        void out(uint16_t, unsigned, uint32_t) override {}
    };
    struct NoDevices final : MmioIo {
        uint64_t read(GuestPhys, unsigned) override { return ~uint64_t{0}; }
        void write(GuestPhys, unsigned, uint64_t) override {}
    };
    struct NoInterrupts final : InterruptController {
        bool intr() const override { return false; }
        uint8_t acknowledge() override { return 0xff; }
    };

    Ram ram_{kRamBytes};
    NoDevices devices_;
    NoPorts ports_;
    NoInterrupts interrupts_;
    MemoryTracer tracer_{kRamBytes};
    VcpuMemory vcpu_;
    VcpuContext& context_ = vcpu_.context();
    GuestMemory memory_{ram_, devices_, tracer_, context_.cpu};
    std::unique_ptr<Cpu> cpu_;
};

// Tables and handlers, and nothing else.
void write_system(SegmentedCase&);
void set_descriptor(SegmentedCase&, uint16_t selector, uint32_t base, uint32_t limit, uint16_t attributes);
// The register as a load of that selector leaves it.
SegmentRegister loaded(const SegmentedCase&, uint16_t selector);

// Empty if equal.
std::string difference(SegmentedMachine& a, SegmentedMachine& b);

}  // namespace ringfold::test
