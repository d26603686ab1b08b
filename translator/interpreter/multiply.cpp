// Multiplication and division. The divide error is found here before the host would raise it.
#include "translator/interpreter/handlers.h"
#include "translator/interpreter/host_flags.h"
#include "translator/interpreter/modify.h"

#include <limits>

namespace ringfold::interpreter {

namespace {

// EDX:EAX, DX:AX, or AX as two bytes.
template <class T>
struct Pair {
    T high, low;
};

template <class T>
Pair<T> accumulator(const CpuState& s) {
    if constexpr (sizeof(T) == 1)
        return {static_cast<T>(s.gpr[EAX] >> 8), static_cast<T>(s.gpr[EAX])};
    else
        return {static_cast<T>(s.gpr[EDX]), static_cast<T>(s.gpr[EAX])};
}

template <class T>
void set_accumulator(CpuState& s, Pair<T> p) {
    if constexpr (sizeof(T) == 1) {
        write_gpr(s, EAX, 2, static_cast<uint32_t>(p.high << 8 | p.low));
    } else {
        write_gpr(s, EAX, sizeof(T), p.low);
        write_gpr(s, EDX, sizeof(T), p.high);
    }
}

// The host's instruction on the pair. The flags come in through AX before the accumulator does, and leave after it.
#define RINGFOLD_ON_PAIR(name, instruction)                                                                      \
    struct name {                                                                                                \
        template <class T>                                                                                       \
        static void run(Pair<T>& p, T source, HostFlags& flags) {                                                \
            if constexpr (sizeof(T) == 1) {                                                                      \
                uint16_t both = static_cast<uint16_t>(p.high << 8 | p.low);                                      \
                asm(RINGFOLD_FLAGS_IN "movw %[p], %%ax\n\t" instruction " %[s]\n\tmovw %%ax, %[p]"               \
                    RINGFOLD_FLAGS_OUT                                                                           \
                    : [p] "+&r"(both), "+&a"(flags.ax)                                                           \
                    : [s] "r"(source)                                                                            \
                    : "cc");                                                                                     \
                p = {static_cast<T>(both >> 8), static_cast<T>(both)};                                           \
            } else {                                                                                             \
                uint64_t low = p.low, high = p.high;                                                             \
                asm(RINGFOLD_FLAGS_IN "movq %[l], %%rax\n\t" instruction " %[s]\n\tmovq %%rax, %[l]"             \
                    RINGFOLD_FLAGS_OUT                                                                           \
                    : [l] "+&r"(low), "+&d"(high), "+&a"(flags.ax)                                               \
                    : [s] "r"(source)                                                                            \
                    : "cc");                                                                                     \
                p = {static_cast<T>(high), static_cast<T>(low)};                                                 \
            }                                                                                                    \
        }                                                                                                        \
    };
RINGFOLD_ON_PAIR(Multiply, "mul")
RINGFOLD_ON_PAIR(MultiplySigned, "imul")
RINGFOLD_ON_PAIR(Divide, "div")
RINGFOLD_ON_PAIR(DivideSigned, "idiv")
#undef RINGFOLD_ON_PAIR

template <class T>
bool fits(Pair<T> dividend, T divisor) {
    return dividend.high < divisor;  // also false for a divisor of 0
}

template <class T>
bool fits_signed(Pair<T> dividend, T divisor) {
    using Signed = std::make_signed_t<T>;
    using Limits = std::numeric_limits<Signed>;
    constexpr unsigned kBits = sizeof(T) * 8;
    const int64_t d = static_cast<Signed>(divisor);
    const int64_t n = static_cast<int64_t>(static_cast<uint64_t>(static_cast<int64_t>(static_cast<Signed>(dividend.high))) << kBits | dividend.low);
    if (d == 0) return false;
    if (d == -1) return n <= Limits::max() + int64_t{1} && n >= -int64_t{Limits::max()};
    const int64_t quotient = n / d;
    return quotient >= Limits::min() && quotient <= Limits::max();
}

template <class Op, class T>
void run_on_accumulator(Interpreter& cpu, uint32_t operand) {
    CpuState& s = cpu.state();
    const T source = static_cast<T>(operand);
    Pair<T> p = accumulator<T>(s);
    if constexpr (std::is_same_v<Op, Divide>)
        if (!fits(p, source)) throw GuestFault::divide();
    if constexpr (std::is_same_v<Op, DivideSigned>)
        if (!fits_signed(p, source)) throw GuestFault::divide();
    HostFlags flags(s.arithmetic_flags);
    Op::run(p, source, flags);
    set_accumulator(s, p);
    set_arithmetic_flags(s, flags);
}

template <class Op>
void on_accumulator(Interpreter& cpu, const Instruction& i) {
    const uint32_t operand = cpu.read_operand(i, 0);
    switch (i.op(0).size) {
        case 1: return run_on_accumulator<Op, uint8_t>(cpu, operand);
        case 2: return run_on_accumulator<Op, uint16_t>(cpu, operand);
        default: return run_on_accumulator<Op, uint32_t>(cpu, operand);
    }
}

}  // namespace

void mul(Interpreter& cpu, const Instruction& i) { on_accumulator<Multiply>(cpu, i); }
void div_(Interpreter& cpu, const Instruction& i) { on_accumulator<Divide>(cpu, i); }
void idiv(Interpreter& cpu, const Instruction& i) { on_accumulator<DivideSigned>(cpu, i); }

// One operand: the accumulator's product. Two: destination *= source. Three: destination = source * immediate.
void imul(Interpreter& cpu, const Instruction& i) {
    if (i.operand_count == 1) return on_accumulator<MultiplySigned>(cpu, i);
    HostFlags flags(cpu.state().arithmetic_flags);
    const uint32_t source = cpu.read_operand(i, 1);
    const uint32_t factor = i.operand_count == 3 ? i.immediate : cpu.read_operand(i, 0);
    uint32_t product = 0;
    auto multiply = [&]<class T>(T& value) { Imul::run(value, static_cast<T>(factor), flags); };
    product = i.op(0).size == 2 ? changed<uint16_t>(source, multiply) : changed<uint32_t>(source, multiply);
    cpu.write_operand(i, 0, product);
    set_arithmetic_flags(cpu.state(), flags);
}

}  // namespace ringfold::interpreter
