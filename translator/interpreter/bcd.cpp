// Decimal adjustment. The host's 64-bit mode has no such instructions; the undefined flags are those that an AMD Zen 4
// gives in 32-bit mode for every AX and every flag (they are the flags of the addition that adjusts).
#include "translator/interpreter/handlers.h"
#include "translator/interpreter/host_flags.h"

namespace ringfold::interpreter {

namespace {

uint8_t low_byte(const CpuState& s) {
    return static_cast<uint8_t>(s.gpr[EAX]);
}

void set_flags(CpuState& s, HostFlags f, uint32_t carries) {
    s.arithmetic_flags = (f.eflags() & ~(flag::CF | flag::AF)) | carries;
}

template <class Op>
void adjust_packed(CpuState& s, uint32_t low_borrow) {
    uint8_t al = low_byte(s), adjustment = 0;
    uint32_t carries = 0;
    if ((al & 15) > 9 || s.arithmetic_flags & flag::AF) {
        adjustment = 6;
        carries = flag::AF | low_borrow;
    }
    if (al > 0x99 || s.arithmetic_flags & flag::CF) {
        adjustment += 0x60;
        carries |= flag::CF;
    }
    HostFlags flags(0);
    Op::run(al, adjustment, flags);
    write_gpr(s, EAX, 1, al);
    set_flags(s, flags, carries);
}

template <class Op>
void adjust_unpacked(CpuState& s) {
    const bool adjust = (s.gpr[EAX] & 15) > 9 || s.arithmetic_flags & flag::AF;
    auto ax = static_cast<uint16_t>(s.gpr[EAX]);
    HostFlags flags(0);
    Op::run(ax, static_cast<uint16_t>(adjust ? 0x106 : 0), flags);
    write_gpr(s, EAX, 2, ax & 0xff0f);
    set_flags(s, flags, adjust ? flag::CF | flag::AF : 0);
}

}  // namespace

void daa(Interpreter& cpu, const Instruction&) { adjust_packed<Add>(cpu.state(), 0); }

void das(Interpreter& cpu, const Instruction&) {
    CpuState& s = cpu.state();
    adjust_packed<Sub>(s, low_byte(s) < 6 ? flag::CF : 0);
}

void aaa(Interpreter& cpu, const Instruction&) { adjust_unpacked<Add>(cpu.state()); }
void aas(Interpreter& cpu, const Instruction&) { adjust_unpacked<Sub>(cpu.state()); }

void aam(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    const auto base = static_cast<uint8_t>(i.immediate);
    if (!base) throw GuestFault::divide();
    uint8_t remainder = low_byte(s) % base;
    write_gpr(s, EAX, 2, static_cast<uint32_t>(low_byte(s) / base << 8 | remainder));
    HostFlags flags(0);
    Add::run(remainder, uint8_t{0}, flags);
    set_arithmetic_flags(s, flags);
}

void aad(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    uint8_t al = low_byte(s);
    HostFlags flags(0);
    Add::run(al, static_cast<uint8_t>((s.gpr[EAX] >> 8) * i.immediate), flags);
    write_gpr(s, EAX, 2, al);
    set_arithmetic_flags(s, flags);
}

}  // namespace ringfold::interpreter
