// The host's own arithmetic, run on guest flags: results and flags, the undefined ones too, are then what the
// translated instruction gives on the same host.
#pragma once

#include <cstdint>

#include "vmm/base/cpu_state.h"

namespace ringfold::interpreter {

// The six arithmetic flags in the form that LAHF and SETO give: AH = SF ZF AF PF CF, AL = OF. (Neither touches the
// stack, which inline assembly must leave alone below the red zone.)
class HostFlags {
public:
    explicit HostFlags(uint32_t eflags)
        : ax(static_cast<uint16_t>((eflags & 0xd5) << 8 | ((eflags >> 11) & 1))) {}
    uint32_t eflags() const { return ((ax >> 8) & 0xd5u) | (ax & 1u) << 11; }
    uint16_t ax;
};

// OF: 0x7f + 1 overflows, 0x7f + 0 does not. SAHF then loads the rest and leaves OF.
#define RINGFOLD_FLAGS_IN "addb $0x7f, %%al\n\tsahf\n\t"
#define RINGFOLD_FLAGS_OUT "\n\tlahf\n\tseto %%al"

// An operation of the manual's form  op destination, source.
#define RINGFOLD_BINARY(name, instruction)                                                                       \
    struct name {                                                                                                \
        template <class T>                                                                                       \
        static void run(T& destination, T source, HostFlags& flags) {                                            \
            asm(RINGFOLD_FLAGS_IN instruction " %[s], %[d]" RINGFOLD_FLAGS_OUT                                   \
                : [d] "+&r"(destination), "+&a"(flags.ax)                                                        \
                : [s] "r"(source)                                                                                \
                : "cc");                                                                                         \
        }                                                                                                        \
    };
#define RINGFOLD_UNARY(name, instruction)                                                                        \
    struct name {                                                                                                \
        template <class T>                                                                                       \
        static void run(T& destination, HostFlags& flags) {                                                      \
            asm(RINGFOLD_FLAGS_IN instruction " %[d]" RINGFOLD_FLAGS_OUT                                         \
                : [d] "+&r"(destination), "+&a"(flags.ax)::"cc");                                                \
        }                                                                                                        \
    };
// op destination, cl
#define RINGFOLD_BY_CL(name, instruction)                                                                        \
    struct name {                                                                                                \
        template <class T>                                                                                       \
        static void run(T& destination, uint8_t count, HostFlags& flags) {                                       \
            asm(RINGFOLD_FLAGS_IN instruction " %%cl, %[d]" RINGFOLD_FLAGS_OUT                                   \
                : [d] "+&r"(destination), "+&a"(flags.ax)                                                        \
                : "c"(count)                                                                                     \
                : "cc");                                                                                         \
        }                                                                                                        \
    };
// op destination, source, cl
#define RINGFOLD_DOUBLE_BY_CL(name, instruction)                                                                 \
    struct name {                                                                                                \
        template <class T>                                                                                       \
        static void run(T& destination, T source, uint8_t count, HostFlags& flags) {                             \
            asm(RINGFOLD_FLAGS_IN instruction " %%cl, %[s], %[d]" RINGFOLD_FLAGS_OUT                             \
                : [d] "+&r"(destination), "+&a"(flags.ax)                                                        \
                : [s] "r"(source), "c"(count)                                                                    \
                : "cc");                                                                                         \
        }                                                                                                        \
    };

RINGFOLD_BINARY(Add, "add")
RINGFOLD_BINARY(Adc, "adc")
RINGFOLD_BINARY(Sub, "sub")
RINGFOLD_BINARY(Sbb, "sbb")
RINGFOLD_BINARY(And, "and")
RINGFOLD_BINARY(Or, "or")
RINGFOLD_BINARY(Xor, "xor")
RINGFOLD_BINARY(Cmp, "cmp")
RINGFOLD_BINARY(Test, "test")
RINGFOLD_BINARY(Imul, "imul")  // 16 and 32 bits only
RINGFOLD_BINARY(Bsf, "bsf")
RINGFOLD_BINARY(Popcnt, "popcnt")
RINGFOLD_BINARY(Bsr, "bsr")
RINGFOLD_BINARY(Bt, "bt")
RINGFOLD_BINARY(Bts, "bts")
RINGFOLD_BINARY(Btr, "btr")
RINGFOLD_BINARY(Btc, "btc")
RINGFOLD_UNARY(Inc, "inc")
RINGFOLD_UNARY(Dec, "dec")
RINGFOLD_UNARY(Neg, "neg")
RINGFOLD_UNARY(Not, "not")
RINGFOLD_BY_CL(Rol, "rol")
RINGFOLD_BY_CL(Ror, "ror")
RINGFOLD_BY_CL(Rcl, "rcl")
RINGFOLD_BY_CL(Rcr, "rcr")
RINGFOLD_BY_CL(Shl, "shl")
RINGFOLD_BY_CL(Shr, "shr")
RINGFOLD_BY_CL(Sar, "sar")
RINGFOLD_DOUBLE_BY_CL(Shld, "shld")
RINGFOLD_DOUBLE_BY_CL(Shrd, "shrd")

#undef RINGFOLD_BINARY
#undef RINGFOLD_UNARY
#undef RINGFOLD_BY_CL
#undef RINGFOLD_DOUBLE_BY_CL

inline void set_arithmetic_flags(CpuState& s, HostFlags f) {
    s.arithmetic_flags = f.eflags();
}

// A condition code, the low four bits of Jcc, SETcc and CMOVcc opcodes (SDM volume 1, appendix B).
inline bool condition(const CpuState& s, unsigned code) {
    const uint32_t f = s.arithmetic_flags;
    const bool sign_differs = ((f & flag::SF) != 0) != ((f & flag::OF) != 0);
    bool holds = false;
    switch ((code >> 1) & 7) {
        case 0: holds = f & flag::OF; break;
        case 1: holds = f & flag::CF; break;
        case 2: holds = f & flag::ZF; break;
        case 3: holds = f & (flag::CF | flag::ZF); break;
        case 4: holds = f & flag::SF; break;
        case 5: holds = f & flag::PF; break;
        case 6: holds = sign_differs; break;
        default: holds = sign_differs || (f & flag::ZF); break;
    }
    return holds != static_cast<bool>(code & 1);
}

}  // namespace ringfold::interpreter
