// What random blocks leave out, and why. Everything else in instructions.def is drawn.
#pragma once

#include <string_view>

namespace ringfold::test {

struct Exclusion {
    std::string_view mnemonic;  // as instructions.def has it
    std::string_view reason;
};

// Left out whoever judges.
inline constexpr Exclusion kExclusions[] = {
    {"INVALID", "what the model does not have, the host may; it has no form to draw"},
    {"RDTSC", "time differs from run to run"},
    {"FNSTENV", "writes FIP and FDP, which a monitor on the host's FPU need not have right; test/isa/x87.asm"},
    {"FNSAVE", "writes FIP and FDP, which a monitor on the host's FPU need not have right; test/isa/x87.asm"},
    {"FXSAVE", "writes FIP and FDP, which a monitor on the host's FPU need not have right; test/isa/x87.asm"},
    {"UD0", "whether it has a ModRM byte depends on the maker"},
};

// Left out where the host CPU judges.
inline constexpr Exclusion kHostExclusions[] = {
    {"RDPMC", "the host's counters"},
    {"CPUID", "the guest's CPU is another model"},
    {"SGDT", "Linux emulates it under UMIP, with values of its own"},
    {"SIDT", "Linux emulates it under UMIP, with values of its own"},
    {"SLDT", "Linux emulates it under UMIP, with values of its own"},
    {"STR", "Linux emulates it under UMIP, with values of its own"},
    {"SMSW", "Linux emulates it under UMIP, with values of its own"},
    {"INT", "0x80 is the host's system call; test/isa/control.asm has the others"},
    {"INT1", "a hypervisor below us may hand it on as a fault"},
    {"SYSENTER", "a host system call"},
    {"SYSEXIT", "undefined in compatibility mode on AMD"},
    {"SYSCALL", "a host system call"},
    {"SYSRET", "undefined in compatibility mode on AMD"},
    {"LAR", "the host's GDT has more entries; test/isa/segments.asm"},
    {"LSL", "the host's GDT has more entries; test/isa/segments.asm"},
    {"VERR", "the host's GDT has more entries; test/isa/segments.asm"},
    {"VERW", "the host's GDT has more entries; test/isa/segments.asm"},
    {"LDS", "the host's GDT has more entries; test/isa/segments.asm"},
    {"LES", "the host's GDT has more entries; test/isa/segments.asm"},
    {"LFS", "the host's GDT has more entries; test/isa/segments.asm"},
    {"LGS", "the host's GDT has more entries; test/isa/segments.asm"},
    {"LSS", "the host's GDT has more entries; test/isa/segments.asm"},
    {"JMP_FAR", "0x33 is the host's 64-bit code; test/isa/control.asm"},
    {"CALL_FAR", "0x33 is the host's 64-bit code; test/isa/control.asm"},
    {"RET_FAR", "0x33 is the host's 64-bit code; test/isa/control.asm"},
    {"IRET", "0x33 is the host's 64-bit code; test/isa/control.asm"},
    {"IRETD", "0x33 is the host's 64-bit code; test/isa/control.asm"},
    {"RSM", "undefined outside system management mode, yet hypervisors differ"},
};

// Instructions of several accesses of which hardware has committed some when a later one faults. The manual leaves it
// open; what must hold, that they can be restarted, is in test/isa/stack.asm. A run that ends in a fault of one of
// these is not compared.
inline constexpr std::string_view kPartialOnFault[] = {"PUSHA",  "PUSHAD",  "POPA",   "POPAD",    "ENTER",
                                                       "FRSTOR", "FXRSTOR", "FLDENV", "MASKMOVQ", "MASKMOVDQU"};

}  // namespace ringfold::test
