// A small guest for the tests of shadowmmu/: RAM, a device that remembers, a CPU state, and page tables on demand.
#pragma once

#include <cstring>
#include <map>
#include <tuple>
#include <vector>

#include "shadowmmu/guest_memory.h"

namespace ringfold::test {

inline constexpr uint32_t P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80, G = 0x100;
inline constexpr uint64_t NX = uint64_t{1} << 63;
inline constexpr Privilege kUser = Privilege::User, kSupervisor = Privilege::Supervisor;

struct Device : MmioIo {
    std::vector<std::tuple<char, uint64_t, unsigned, uint64_t>> log;
    uint64_t read(GuestPhys a, unsigned size) override {
        log.emplace_back('r', a.value, size, 0);
        return 0x8877665544332211;
    }
    void write(GuestPhys a, unsigned size, uint64_t value) override { log.emplace_back('w', a.value, size, value); }
};

struct Listener : MappingListener {
    int code[2] = {0, 0}, code_page[2] = {0, 0}, views[2] = {0, 0};
    void code_mapping_changed(Privilege p) override { ++code[static_cast<size_t>(p)]; }
    void code_page_changed(Privilege p, GuestVirt) override { ++code_page[static_cast<size_t>(p)]; }
    void view_changed(Privilege p) override { ++views[static_cast<size_t>(p)]; }
};

struct Guest {
    static constexpr uint64_t kBytes = 16 << 20;

    Ram ram{kBytes};
    Device device;
    MemoryTracer tracer{kBytes};
    CpuState cpu;
    GuestMemory memory{ram, device, tracer, cpu};
    Listener listener;

    Guest() { memory.set_listener(&listener); }

    template <class T>
    T peek(uint64_t physical) const {
        T value;
        memcpy(&value, ram.host(GuestPhys(physical)), sizeof value);
        return value;
    }
    // A store that no trace hears, as before the guest had paging on.
    template <class T>
    void poke(uint64_t physical, T value) {
        memcpy(ram.host(GuestPhys(physical)), &value, sizeof value);
    }
    // A store by the guest's kernel, heard by traces.
    void guest_store32(uint64_t physical, uint32_t value) {
        memory.dma_write(GuestPhys(physical), {reinterpret_cast<const uint8_t*>(&value), 4});
    }

    void set_mode(uint32_t cr0, uint32_t cr4, uint32_t cr3, uint64_t efer = 0) {
        cpu.cr0 = cr0, cpu.cr4 = cr4, cpu.cr3 = cr3, cpu.efer = efer;
        if (cr4 & cr4::PAE) memory.load_pdptes(cr3, cpu.pdpte);
        memory.paging_mode_changed();
    }
    void load_cr3(uint32_t cr3) {
        cpu.cr3 = cr3;
        if (cpu.cr4 & cr4::PAE) memory.load_pdptes(cr3, cpu.pdpte);
        memory.cr3_loaded();
    }
};

// The fault of an access, or nothing.
template <class F>
std::optional<GuestFault> fault_of(F f) {
    try {
        f();
    } catch (const GuestFault& fault) {
        return fault;
    }
    return std::nullopt;
}

inline constexpr uint32_t kPaged = cr0::PE | cr0::PG, kPagedWp = cr0::PE | cr0::PG | cr0::WP;

}  // namespace ringfold::test
