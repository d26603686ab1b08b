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
    // Memory whose accesses are counted and hashed: their order, sizes and values are to be the same on all CPUs.
    struct DeviceMemory final : MmioIo {
        uint64_t read(GuestPhys at, unsigned size) override;
        void write(GuestPhys at, unsigned size, uint64_t value) override;
        void note(uint64_t what);

        std::vector<uint8_t> bytes;
        uint64_t accesses = 0, hash = 0;
    };
    struct NoInterrupts final : InterruptController {
        bool intr() const override { return false; }
        uint8_t acknowledge() override { return 0xff; }
    };
    struct PageKey {
        uint32_t address;
        bool writable, device;
        bool operator==(const PageKey&) const = default;
    };

    void write_system_tables();
    void clear_rest(size_t pages);
    void map_pages(const std::vector<PageKey>&);
    void set_registers(const CpuCase&);
    void store(uint64_t physical, const void* from, size_t size);
    uint8_t* device_page(size_t page) { return &devices_.bytes[page * 4096]; }
    void store32(uint64_t physical, uint32_t value) { store(physical, &value, 4); }
    uint32_t load32(uint64_t physical);
    std::string system_text() const;

    Ram ram_;
    DeviceMemory devices_;
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
