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

inline x86::Mem in_view(const x86::Gp& view, size_t offset, const x86::Gp& index, uint32_t shift) {
    return x86::ptr(view, index, shift, static_cast<int32_t>(offset) - kViewBias);
}

// Guest registers that the longer sequences use for themselves.
inline constexpr unsigned kSpilled[] = {EAX, ECX, EDX, EBX, EBP, ESI, EDI};

inline void spill(x86::Assembler& a) {
    for (const unsigned r : kSpilled) a.mov(guest_register(r), host32(r));
    save_flags(a);
}
inline void reload(x86::Assembler& a) {
    restore_flags(a);
    for (const unsigned r : kSpilled) a.mov(host32(r), guest_register(r));
}
// rbx: the translation to go on at.
inline void go_on(x86::Assembler& a) {
    a.mov(FIELD(next_pc), x86::rbx);
    reload(a);
    a.jmp(FIELD_SIZED(next_pc, 8));
}
inline void give_up(x86::Assembler& a, const asmjit::Label& miss, const void* otherwise) {
    a.bind(miss);
    reload(a);
    a.jmp(asmjit::Imm(reinterpret_cast<uint64_t>(otherwise)));
}

inline void unless_event(x86::Assembler& a, const asmjit::Label& miss) {
    a.cmp(FIELD_SIZED(attention, 4), 0);
    a.jne(miss);
}

// IRET out of an NMI's handler lets in another one that waits.
inline void unless_nmi_blocked(x86::Assembler& a, const asmjit::Label& miss) {
    a.cmp(FIELD_SIZED(cpu.nmi_blocked, 1), 0);
    a.jne(miss);
}

// rax: a linear address becomes a host address, if `view` has all bytes of it for that access. Clobbers rcx, rdx.
inline void to_host(x86::Assembler& a, const x86::Gp& view, unsigned size, Access access, const asmjit::Label& miss) {
    const size_t bias = access == Access::Write ? offsetof(View, tlb.write_bias) : offsetof(View, tlb.read_bias);
    a.mov(x86::edx, x86::eax);
    a.shr(x86::edx, 12);
    a.and_(x86::edx, kTlbEntries - 1);
    a.mov(x86::ecx, in_view(view, bias, x86::rdx, 2));
    a.lea(x86::ecx, x86::ptr(x86::rcx, x86::rax, 0, static_cast<int32_t>(size) - 1));
    a.cmp(x86::ecx, kPageSize - 1);
    a.ja(miss);
    a.add(x86::rax, in_view(view, offsetof(View, tlb.addend), x86::rdx, 3));
}

}  // namespace ringfold::windows
