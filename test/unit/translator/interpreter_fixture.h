// A CPU without paging in front of the interpreter: flat 32-bit protected mode at CPL 0, and code as bytes.
#pragma once

#include <cstring>
#include <initializer_list>
#include <optional>
#include <vector>

#include "translator/decode/decoder.h"
#include "translator/interpreter/interpreter.h"

namespace ringfold::test {

struct InterpretedGuest {
    static constexpr uint64_t kBytes = 4 << 20;
    static constexpr uint32_t kCode = 0x1000, kData = 0x20000, kStack = 0x10000;

    struct NoDevices : MmioIo {
        std::vector<uint64_t> writes;
        uint64_t read(GuestPhys, unsigned) override { return 0; }
        void write(GuestPhys a, unsigned, uint64_t) override { writes.push_back(a.value); }
    };
    struct NoPorts : PortIo {
        uint32_t in(uint16_t, unsigned) override { return 0xffffffff; }
        void out(uint16_t, unsigned, uint32_t) override {}
    };

    Ram ram{kBytes};
    NoDevices devices;
    NoPorts ports;
    MemoryTracer tracer{kBytes};
    CpuState s;
    GuestMemory memory{ram, devices, tracer, s};
    Interpreter cpu{s, memory, ports};

    InterpretedGuest() {
        tracer.set_guard(&memory);
        s.reset();
        s.cr0 = cr0::PE | cr0::NE | cr0::ET;
        s.cr4 = cr4::OSFXSR | cr4::OSXMMEXCPT;
        for (auto& segment : s.segment) segment = {0x10, 0xc093, 0, 0xffffffff};
        s.segment[CS] = {0x08, 0xc09b, 0, 0xffffffff};
        s.gpr.fill(0);
        s.gpr[ESP] = kStack;
        s.eip = kCode;
        memory.paging_mode_changed();
    }

    void use_small_stack() { s.segment[SS] = {0x10, 0x0093, 0, 0xffff}; }
    void use_small_code() { s.segment[CS] = {0x08, 0x009b, 0, 0xffff}; }
    void use_real_mode() {
        s.cr0 &= ~cr0::PE;
        for (auto& segment : s.segment) segment = {0, 0x0093, 0, 0xffff};
        s.segment[CS] = {0, 0x009b, 0, 0xffff};
        memory.paging_mode_changed();
    }

    // Runs the handler alone: what it throws comes back, and EIP follows next_eip as in Interpreter::execute().
    std::optional<GuestFault> run(std::initializer_list<int> bytes) {
        const std::vector<uint8_t> code(bytes.begin(), bytes.end());
        const bool big = s.segment[CS].big();
        Instruction i;
        if (decode(code, big ? CodeSize::Bits32 : CodeSize::Bits16, i) != DecodeStatus::Ok)
            throw std::logic_error("the test's code does not decode");
        cpu.next_eip = (s.eip + i.length) & (big ? 0xffffffff : 0xffff);
        try {
            i.interpret(cpu, i);
        } catch (const GuestFault& f) {
            return f;
        }
        s.eip = cpu.next_eip;
        return std::nullopt;
    }

    template <class T>
    T peek(uint32_t a) const {
        T value;
        memcpy(&value, ram.host(GuestPhys(a)), sizeof value);
        return value;
    }
    template <class T>
    void poke(uint32_t a, T value) {
        memcpy(ram.host(GuestPhys(a)), &value, sizeof value);
    }
};

}  // namespace ringfold::test
