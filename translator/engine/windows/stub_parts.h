// What the listings of the windows engine's fixed host code share. For stubs.cpp and gate_stubs.cpp only.
#pragma once

#include "translator/engine/windows/registers.h"

#define FIELD(member) context(offsetof(VcpuContext, member))
#define FIELD_SIZED(member, size) context(offsetof(VcpuContext, member), size)

namespace ringfold::windows {

inline x86::Mem guest_register(unsigned n) {
    return context(offsetof(VcpuContext, cpu.gpr) + 4 * n, 4);
}

// The flags by LAHF and SETO: PUSHF and above all POPF cost several times as much.
inline void save_flags(x86::Assembler& a) {
    a.lahf();
    a.seto(x86::al);
    a.movzx(x86::ecx, x86::ah);
    a.movzx(x86::eax, x86::al);
    a.shl(x86::eax, 11);
    a.or_(x86::eax, x86::ecx);
    a.and_(x86::eax, flag::kArithmetic);
    a.mov(FIELD_SIZED(cpu.arithmetic_flags, 4), x86::eax);
}

inline void restore_flags(x86::Assembler& a) {
    a.mov(x86::ecx, FIELD_SIZED(cpu.arithmetic_flags, 4));
    a.mov(x86::ah, x86::cl);  // SF ZF AF PF CF
    a.shr(x86::ecx, 11);
    a.mov(x86::al, x86::cl);
    a.and_(x86::al, 1);
    a.add(x86::al, 0x7f);  // overflows if it was 1
    a.sahf();
}

inline void save_registers(x86::Assembler& a) {
    for (unsigned n = 0; n < 8; ++n) a.mov(guest_register(n), host32(n));
}

inline void restore_registers(x86::Assembler& a) {
    for (unsigned n = 0; n < 8; ++n) a.mov(host32(n), guest_register(n));
}

}  // namespace ringfold::windows
