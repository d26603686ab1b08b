// A protected-mode guest for the tests of the interpreter's system half: flat segments in four rings' worth of
// descriptors, an IDT whose handlers are told apart by address, a TSS, and code poked in as bytes.
#pragma once

#include <cstring>
#include <map>
#include <vector>

#include "translator/interpreter/interpreter.h"

namespace ringfold::test {

struct NoDevice : MmioIo {
    uint64_t read(GuestPhys, unsigned) override { return ~uint64_t{0}; }
    void write(GuestPhys, unsigned, uint64_t) override {}
};

struct Ports : PortIo {
    std::vector<std::pair<uint16_t, uint32_t>> written;
    uint32_t value = 0x11223344;
    uint32_t in(uint16_t, unsigned) override { return value; }
    void out(uint16_t port, unsigned, uint32_t v) override { written.emplace_back(port, v); }
};

inline constexpr uint32_t kGdt = 0x1000, kIdt = 0x2000, kTss = 0x3000, kTss2 = 0x3200, kTss16 = 0x3400, kCode = 0x8000,
                          kUserCode = 0xa000, kHandlers = 0x9000, kStack0 = 0x7000, kStack3 = 0x6000, kData = 0x5000;
inline constexpr uint16_t kCs0 = 0x08, kDs0 = 0x10, kCs3 = 0x1b, kDs3 = 0x23, kTr = 0x28, kCs16 = 0x30,
                          kConforming = 0x38, kAbsent = 0x40, kSmall = 0x48, kDown = 0x50, kTr2 = 0x60, kGate = 0x6b,
                          kTaskGateSel = 0x73, kTr16 = 0x78, kCs1 = 0x81, kDs1 = 0x89, kFresh = 0x90;
inline constexpr uint32_t handler(unsigned vector) { return kHandlers + vector * 16; }

struct SystemGuest {
    static constexpr uint64_t kBytes = 2 << 20;
    Ram ram{kBytes};
    NoDevice device;
    Ports ports;
    MemoryTracer tracer{kBytes};
    CpuState cpu;
    GuestMemory memory{ram, device, tracer, cpu};
    Interpreter interpreter{cpu, memory, ports};

    SystemGuest() {
        tracer.set_guard(&memory);
        make_tables();
        cpu.reset();
        cpu.cr0 = cr0::PE | cr0::ET;
        memory.paging_mode_changed();
        cpu.gdtr = {kGdt, 0xff};
        cpu.idtr = {kIdt, 0x7ff};
        cpu.tr = {kTr, 0x8b, kTss, 0x2067};
        cpu.ldtr = {};
        enter_ring(0);
    }

    static uint64_t segment(uint32_t base, uint32_t limit, uint16_t attributes) {
        return (limit & 0xffff) | uint64_t{base & 0xffffff} << 16 | uint64_t{attributes} << 40 |
               uint64_t{(limit >> 16) & 15} << 48 | uint64_t{base >> 24} << 56;
    }
    static uint64_t gate(uint16_t selector, uint32_t offset, uint8_t access, unsigned parameters = 0) {
        return (offset & 0xffff) | uint64_t{selector} << 16 | uint64_t{parameters} << 32 | uint64_t{access} << 40 |
               uint64_t{offset >> 16} << 48;
    }
    void set_descriptor(uint16_t selector, uint64_t raw) { poke<uint64_t>(kGdt + (selector & 0xfff8), raw); }
    uint64_t descriptor(uint16_t selector) const { return peek<uint64_t>(kGdt + (selector & 0xfff8)); }
    void set_gate(unsigned vector, uint64_t raw) { poke<uint64_t>(kIdt + vector * 8, raw); }

    void make_tables() {
        set_descriptor(kCs0, segment(0, 0xfffff, 0xc09b));
        set_descriptor(kDs0, segment(0, 0xfffff, 0xc093));
        set_descriptor(kCs3, segment(0, 0xfffff, 0xc0fb));
        set_descriptor(kDs3, segment(0, 0xfffff, 0xc0f3));
        set_descriptor(kTr, segment(kTss, 0x2067, 0x008b));
        set_descriptor(kCs16, segment(0, 0xffff, 0x009b));
        set_descriptor(kConforming, segment(0, 0xfffff, 0xc09f));
        set_descriptor(kAbsent, segment(0, 0xfffff, 0xc013));
        set_descriptor(kSmall, segment(kData, 0xff, 0x40f3));
        set_descriptor(kDown, segment(kData, 0xff, 0x40f7));
        set_descriptor(kTr2, segment(kTss2, 0x67, 0x0089));
        set_descriptor(kTr16, segment(kTss16, 0x2b, 0x0081));
        set_descriptor(kGate, gate(kCs0, kCode + 0x100, 0xec, 2));
        set_descriptor(kTaskGateSel, gate(kTr2, 0, 0xe5));
        set_descriptor(kCs1, segment(0, 0xfffff, 0xc0bb));
        set_descriptor(kDs1, segment(0, 0xfffff, 0xc0b3));
        set_descriptor(kFresh, segment(kData, 0xfff, 0x4092));
        for (unsigned v = 0; v < 256; ++v) set_gate(v, gate(kCs0, handler(v), 0x8e));
        poke<uint32_t>(kTss + 4, kStack0);
        poke<uint32_t>(kTss + 8, kDs0);
        poke<uint32_t>(kTss + 12, 0x4800);
        poke<uint32_t>(kTss + 16, kDs1);
        poke<uint16_t>(kTss + 0x66, 0x68);
    }

    void enter_ring(unsigned ring) {
        const auto dpl = static_cast<uint16_t>(ring << 5);
        cpu.segment[CS] = {ring ? kCs3 : kCs0, static_cast<uint16_t>(0xc09b | dpl), 0, 0xffffffff};
        for (const SegmentIndex i : {ES, SS, DS, FS, GS})
            cpu.segment[i] = {ring ? kDs3 : kDs0, static_cast<uint16_t>(0xc093 | dpl), 0, 0xffffffff};
        cpu.cpl = static_cast<uint8_t>(ring);
        cpu.gpr[ESP] = ring ? kStack3 : kStack0;
        cpu.eip = ring ? kUserCode : kCode;
        cpu.activity = Activity::Running;
        cpu.set_eflags(2);
    }
    void enter_real_mode() {
        cpu.cr0 = cr0::ET;
        for (auto& s : cpu.segment) s = {0, 0x93, 0, 0xffff};
        cpu.cpl = 0;
        cpu.idtr = {0, 0x3ff};
        cpu.gpr[ESP] = kStack0;
        cpu.eip = kCode;
    }
    void enter_v86(unsigned iopl) {
        cpu.set_eflags(2 | flag::VM | iopl << 12);
        for (auto& s : cpu.segment) s = {0, 0xf3, 0, 0xffff};
        cpu.cpl = 3;
        cpu.gpr[ESP] = kStack3;
        cpu.eip = kUserCode;
    }

    // Pokes code at CS:EIP and runs that many instructions.
    Step run(const std::vector<uint8_t>& bytes, int steps = 1) {
        place(cpu.segment[CS].base + cpu.eip, bytes);
        return step(steps);
    }
    void place(uint32_t at, const std::vector<uint8_t>& bytes) {
        for (const uint8_t b : bytes) poke<uint8_t>(at++, b);
    }
    Step step(int steps = 1) {
        Step last = Step::Done;
        while (steps-- > 0) last = interpreter.step();
        return last;
    }

    template <class T>
    T peek(uint32_t at) const {
        T value;
        memcpy(&value, ram.host(GuestPhys(at)), sizeof value);
        return value;
    }
    template <class T>
    void poke(uint32_t at, T value) {
        memcpy(ram.host(GuestPhys(at)), &value, sizeof value);
    }
    uint32_t stack(unsigned n) const { return peek<uint32_t>(cpu.segment[SS].base + cpu.gpr[ESP] + 4 * n); }

    // Is the CPU at the handler of this vector?
    bool in_handler(Vector v) const { return cpu.segment[CS].selector == kCs0 && cpu.eip == handler(static_cast<unsigned>(v)); }
};

}  // namespace ringfold::test
