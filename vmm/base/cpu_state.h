// The guest CPU's architectural state: the one copy that the interpreter, the translator and the devices'
// owner share. Translated code addresses it through r14, so the offsets asserted below are a contract.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "vmm/base/types.h"

namespace ringfold {

enum Gpr : uint8_t { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI };
enum SegmentIndex : uint8_t { ES, CS, SS, DS, FS, GS };
inline constexpr int kSegments = 6;

// EFLAGS bits (SDM volume 1, 3.4.3).
namespace flag {
inline constexpr uint32_t CF = 1u << 0, PF = 1u << 2, AF = 1u << 4, ZF = 1u << 6, SF = 1u << 7, TF = 1u << 8,
                          IF = 1u << 9, DF = 1u << 10, OF = 1u << 11, IOPL = 3u << 12, NT = 1u << 14,
                          RF = 1u << 16, VM = 1u << 17, AC = 1u << 18, VIF = 1u << 19, VIP = 1u << 20,
                          ID = 1u << 21;
inline constexpr uint32_t kArithmetic = CF | PF | AF | ZF | SF | OF;
inline constexpr uint32_t kAlwaysSet = 2;
}  // namespace flag

inline constexpr uint64_t kA20 = 1u << 20;

namespace cr0 {
inline constexpr uint32_t PE = 1u << 0, MP = 1u << 1, EM = 1u << 2, TS = 1u << 3, ET = 1u << 4, NE = 1u << 5,
                          WP = 1u << 16, AM = 1u << 18, NW = 1u << 29, CD = 1u << 30, PG = 1u << 31;
}
namespace cr4 {
inline constexpr uint32_t VME = 1u << 0, PVI = 1u << 1, TSD = 1u << 2, DE = 1u << 3, PSE = 1u << 4,
                          PAE = 1u << 5, MCE = 1u << 6, PGE = 1u << 7, PCE = 1u << 8, OSFXSR = 1u << 9,
                          OSXMMEXCPT = 1u << 10;
}
namespace efer {
inline constexpr uint64_t NXE = 1u << 11;
}

// A segment register with its hidden part (SDM volume 3, 3.4.3). `attributes` holds descriptor bits 40 to 55
// in place: bits 0-3 type, 4 S, 5-6 DPL, 7 P, 12 AVL, 14 D/B, 15 G. `limit` is in bytes, G already applied.
// A register holding a null selector has `attributes` with P clear and is unusable.
struct SegmentRegister {
    uint16_t selector = 0;
    uint16_t attributes = 0;
    uint32_t base = 0;
    uint32_t limit = 0;

    bool present() const { return attributes & 0x80; }
    bool is_code() const { return (attributes & 0x18) == 0x18; }
    bool is_data() const { return (attributes & 0x18) == 0x10; }
    bool writable() const { return is_data() && (attributes & 2); }
    bool readable() const { return is_data() || (is_code() && (attributes & 2)); }
    bool expand_down() const { return is_data() && (attributes & 4); }
    bool conforming() const { return is_code() && (attributes & 4); }
    bool big() const { return attributes & 0x4000; }  // D for code, B for stacks: 32 bits
    unsigned dpl() const { return (attributes >> 5) & 3; }
    unsigned type() const { return attributes & 0xf; }
    bool operator==(const SegmentRegister&) const = default;

    template <class Archive>
    void describe(Archive& archive) {
        archive.fields(*this, "selector", selector, "attributes", attributes, "base", base, "limit", limit);
    }
};

struct DescriptorTable {
    uint32_t base = 0;
    uint16_t limit = 0;
    bool operator==(const DescriptorTable&) const = default;

    template <class Archive>
    void describe(Archive& archive) {
        archive.fields(*this, "base", base, "limit", limit);
    }
};

// What keeps the CPU from executing the next instruction.
enum class Activity : uint8_t { Running, Halted, Shutdown };

struct CpuState {
    std::array<uint32_t, 8> gpr{};  // encoding order: eax ecx edx ebx esp ebp esi edi
    uint32_t eip = 0;               // exact only outside translated code

    // EFLAGS is kept apart so that translated code can change one part without touching the host's flags.
    // Use eflags() and set_eflags() outside it.
    uint32_t arithmetic_flags = 0;  // CF PF AF ZF SF OF, in their EFLAGS positions
    uint32_t system_flags = 0;      // TF IOPL NT RF VM AC VIF VIP ID
    uint8_t interrupt_flag = 0;     // IF: 0 or 1
    uint8_t direction_flag = 0;     // DF: 0 or 1
    uint8_t interrupt_shadow = 0;   // 1: the next instruction follows STI, MOV SS or POP SS
    uint8_t debug_shadow = 0;       // 1: ... follows MOV SS or POP SS: #DB is held back too
    Activity activity = Activity::Running;
    uint8_t cpl = 0;
    uint8_t nmi_blocked = 0;

    std::array<SegmentRegister, kSegments> segment{};  // ES CS SS DS FS GS
    SegmentRegister ldtr{}, tr{};
    DescriptorTable gdtr{}, idtr{};

    // Of every physical address that the CPU puts out; bit 20 is clear while the board's A20 gate is closed.
    uint64_t address_mask = ~uint64_t{0};

    uint32_t cr0 = 0x60000010, cr2 = 0, cr3 = 0, cr4 = 0;
    std::array<uint32_t, 8> dr{0, 0, 0, 0, 0, 0, 0xffff0ff0, 0x400};
    uint32_t pending_debug = 0;  // DR6 bits of a #DB owed after the current instruction

    uint64_t efer = 0;
    uint32_t sysenter_cs = 0, sysenter_esp = 0, sysenter_eip = 0;
    uint64_t pat = 0x0007040600070406;
    uint64_t mtrr_default = 0;                   // IA32_MTRR_DEF_TYPE: off
    std::array<uint64_t, 11> mtrr_fixed{};      // 64K_00000, 16K_80000, 16K_A0000, 4K_C0000 to 4K_F8000
    std::array<uint64_t, 16> mtrr_variable{};   // IA32_MTRR_PHYSBASE0, PHYSMASK0, PHYSBASE1, ...
    uint64_t misc_enable = 1;
    uint64_t tsc_offset = 0;        // guest TSC = host TSC + offset, modulo 2^64
    uint64_t tsc_adjust = 0;        // IA32_TSC_ADJUST: what the guest itself added to the counter
    uint32_t tsc_khz = 0;           // the rate that CPUID tells; 0: it does not
    std::array<uint64_t, 4> pdpte{};  // PAE: the four entries that loading CR3 reads (SDM volume 3, 4.4.1)

    alignas(64) std::array<uint8_t, 512> fpu{};  // FXSAVE image: x87, MMX, XMM0-7, MXCSR

    uint32_t eflags() const {
        return flag::kAlwaysSet | arithmetic_flags | system_flags | (interrupt_flag ? flag::IF : 0) |
               (direction_flag ? flag::DF : 0);
    }
    void set_eflags(uint32_t v) {
        arithmetic_flags = v & flag::kArithmetic;
        system_flags = v & (flag::TF | flag::IOPL | flag::NT | flag::RF | flag::VM | flag::AC | flag::VIF |
                            flag::VIP | flag::ID);
        interrupt_flag = (v & flag::IF) != 0;
        direction_flag = (v & flag::DF) != 0;
    }
    unsigned iopl() const { return (system_flags >> 12) & 3; }
    bool protected_mode() const { return cr0 & cr0::PE; }
    bool v86() const { return system_flags & flag::VM; }
    bool paging() const { return cr0 & cr0::PG; }
    Privilege privilege() const { return cpl == 3 ? Privilege::User : Privilege::Supervisor; }

    void reset();  // power-on state (SDM volume 3, table 9-1); the time-stamp counter goes on

    template <class Archive>
    void describe(Archive& archive) {
        archive.fields(*this, "gpr", gpr, "eip", eip, "arithmetic_flags", arithmetic_flags,
                       "system_flags", system_flags, "interrupt_flag", interrupt_flag,
                       "direction_flag", direction_flag, "interrupt_shadow", interrupt_shadow,
                       "debug_shadow", debug_shadow, "activity", activity, "cpl", cpl, "nmi_blocked", nmi_blocked,
                       "segment", segment, "ldtr", ldtr, "tr", tr, "gdtr", gdtr, "idtr", idtr, "address_mask", address_mask, "cr0", cr0,
                       "cr2", cr2, "cr3", cr3, "cr4", cr4, "dr", dr, "pending_debug", pending_debug, "efer", efer,
                       "sysenter_cs", sysenter_cs, "sysenter_esp", sysenter_esp, "sysenter_eip", sysenter_eip,
                       "pat", pat, "mtrr_default", mtrr_default, "mtrr_fixed", mtrr_fixed, "mtrr_variable",
                       mtrr_variable, "misc_enable", misc_enable, "tsc_offset", tsc_offset,
                       "tsc_adjust", tsc_adjust, "tsc_khz", tsc_khz, "pdpte", pdpte,
                       "fpu", fpu);
        archive.require(address_mask == ~uint64_t{0} || address_mask == ~kA20, "address_mask");
        archive.require(activity <= Activity::Shutdown && cpl <= 3, "activity");
        archive.require(interrupt_flag <= 1 && direction_flag <= 1 && interrupt_shadow <= 1, "flags");
        archive.require(fpu[26] == 0 && fpu[27] == 0, "mxcsr");  // or FXRSTOR faults in the monitor
    }
};

static_assert(offsetof(CpuState, gpr) == 0, "entry.S indexes gpr from zero");
static_assert(offsetof(CpuState, eip) == 32, "entry.S stores eip behind the registers");
static_assert(offsetof(CpuState, arithmetic_flags) == 36, "entry.S keeps the flags behind eip");

}  // namespace ringfold
