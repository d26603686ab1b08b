// RDMSR, WRMSR, RDTSC and RDPMC. An MSR that the CPU model does not have raises #GP(0).
#include <x86intrin.h>

#include "translator/interpreter/handlers.h"
#include "translator/interpreter/memory_types.h"
#include "translator/interpreter/privilege.h"

namespace ringfold::interpreter {

namespace {

// Architectural MSRs (SDM volume 4, table 2-2).
enum Msr : uint32_t {
    kTsc = 0x10, kPlatformId = 0x17, kApicBase = 0x1b, kTscAdjust = 0x3b, kMicrocodeUpdate = 0x79, kMicrocodeRevision = 0x8b,
    kSysenterCs = 0x174, kSysenterEsp = 0x175, kSysenterEip = 0x176, kMiscEnable = 0x1a0, kPat = 0x277,
    kEfer = 0xc0000080,
};

uint64_t guest_tsc(const CpuState& s) { return __rdtsc() + s.tsc_offset; }

// Setting the counter shows in IA32_TSC_ADJUST, and setting that moves the counter (SDM volume 3, 18.17.3).
void move_tsc(CpuState& s, uint64_t by) {
    s.tsc_offset += by;
    s.tsc_adjust += by;
}

uint64_t read_msr(Interpreter& cpu, uint32_t index) {
    const CpuState& s = cpu.state();
    switch (index) {
        case kTsc: return guest_tsc(s);
        case kPlatformId: return 0;
        case kApicBase: return cpu.interrupts ? cpu.interrupts->apic_base() : 0;
        case kTscAdjust: return s.tsc_adjust;
        case kMicrocodeRevision: return 0;  // no update loaded; Linux reads it on every Intel CPU
        case kSysenterCs: return s.sysenter_cs;
        case kSysenterEsp: return s.sysenter_esp;
        case kSysenterEip: return s.sysenter_eip;
        case kMiscEnable: return s.misc_enable;
        case kPat: return s.pat;
        case kEfer: return s.efer;
        default:
            if (const auto mtrr = read_mtrr(s, index)) return *mtrr;
            throw GuestFault::general_protection();
    }
}

void require(bool ok) {
    if (!ok) throw GuestFault::general_protection();
}

void set_efer(Interpreter& cpu, uint64_t value) {
    CpuState& s = cpu.state();
    require((value & ~efer::NXE) == 0);
    const bool changed = value != s.efer;
    s.efer = value;
    if (changed) cpu.memory().paging_mode_changed();
}

void write_msr(Interpreter& cpu, uint32_t index, uint64_t value) {
    CpuState& s = cpu.state();
    switch (index) {
        case kTsc: return move_tsc(s, value - guest_tsc(s));
        case kTscAdjust: return move_tsc(s, value - s.tsc_adjust);
        case kApicBase: require(cpu.interrupts ? cpu.interrupts->set_apic_base(value) : value == 0); return;
        case kMicrocodeUpdate: return;
        case kMicrocodeRevision: require(value == 0); return;  // the store before CPUID that asks for the revision
        case kSysenterCs: s.sysenter_cs = static_cast<uint32_t>(value); return;
        case kSysenterEsp: s.sysenter_esp = static_cast<uint32_t>(value); return;
        case kSysenterEip: s.sysenter_eip = static_cast<uint32_t>(value); return;
        case kMiscEnable: s.misc_enable = value; return;
        case kPat: require(valid_pat(value)); s.pat = value; return;
        case kEfer: return set_efer(cpu, value);
        default: require(write_mtrr(s, index, value)); return;
    }
}

void set_edx_eax(CpuState& s, uint64_t value) {
    s.gpr[EAX] = static_cast<uint32_t>(value);
    s.gpr[EDX] = static_cast<uint32_t>(value >> 32);
}

}  // namespace

void rdmsr(Interpreter& cpu, const Instruction&) {
    CpuState& s = cpu.state();
    require_ring0(s);
    set_edx_eax(s, read_msr(cpu, s.gpr[ECX]));
}

void wrmsr(Interpreter& cpu, const Instruction&) {
    const CpuState& s = cpu.state();
    require_ring0(s);
    write_msr(cpu, s.gpr[ECX], uint64_t{s.gpr[EDX]} << 32 | s.gpr[EAX]);
}

void rdtsc(Interpreter& cpu, const Instruction&) {
    CpuState& s = cpu.state();
    if (s.cr4 & cr4::TSD) require_ring0(s);
    set_edx_eax(s, guest_tsc(s));
}

// The CPU model has no performance counters, so that no counter number is valid.
void rdpmc(Interpreter&, const Instruction&) { throw GuestFault::general_protection(); }

}  // namespace ringfold::interpreter
