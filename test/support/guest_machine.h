// The smallest machine that one of our CPUs can run a CpuCase on: RAM, paging, descriptor tables, and handlers that
// stop at HLT so that what the CPU pushed tells the exception.
#pragma once

#include <span>
#include <vector>

#include "shadowmmu/guest_memory.h"
#include "test/support/cpu_case.h"
#include "tracing/memory_trace.h"
#include "translator/engine/vcpu_memory.h"
#include "vmm/base/cpu_state.h"
#include "vmm/base/io.h"

namespace ringfold::test {

// A machine is used for many cases one after the other, so that caches must stay true to what changes.
class GuestMachine {
public:
    GuestMachine();

    void load(const CpuCase&);
    // Changes bytes of a page of the case that is loaded.
    void poke(uint32_t linear, std::span<const uint8_t> bytes);
    // After the CPU has stopped: how the case ended.
    CpuEnd collect(const CpuCase&);

    VcpuContext& context() { return context_; }
    CpuState& state() { return state_; }
    GuestMemory& memory() { return memory_; }
    PortIo& ports() { return ports_; }
    InterruptController& interrupts() { return interrupts_; }

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
    struct PageKey {
        uint32_t address;
        bool writable;
        bool operator==(const PageKey&) const = default;
    };

    void write_system_tables();
    void clear_rest(size_t pages);
    void map_pages(const std::vector<PageKey>&);
    void set_registers(const CpuCase&);
    void store(uint64_t physical, const void* from, size_t size);
    void store32(uint64_t physical, uint32_t value) { store(physical, &value, 4); }
    uint32_t load32(uint64_t physical);
    std::string system_text() const;

    Ram ram_;
    NoDevices devices_;
    NoPorts ports_;
    NoInterrupts interrupts_;
    MemoryTracer tracer_;
    VcpuMemory vcpu_memory_;
    VcpuContext& context_ = vcpu_memory_.context();
    CpuState& state_ = context_.cpu;
    GuestMemory memory_;
    std::vector<PageKey> mapped_;
    bool system_used_ = false;  // the last case could change the tables
};

}  // namespace ringfold::test
