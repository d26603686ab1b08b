// INT n and IRET of real mode, as listings.
#include "translator/engine/windows/real_stubs.h"

#include "translator/engine/windows/stub_parts.h"

namespace ringfold::windows {

namespace {

using asmjit::Label;
using x86::Assembler;

constexpr int32_t kFrameBytes = 6;

x86::Mem segment(unsigned s, size_t field, uint32_t size) {
    return context(offsetof(VcpuContext, cpu.segment) + s * sizeof(SegmentRegister) + field, size);
}
x86::Mem selector_of(unsigned s) {
    return segment(s, offsetof(SegmentRegister, selector), 2);
}
x86::Mem base_of(unsigned s) {
    return segment(s, offsetof(SegmentRegister, base), 4);
}

// rax: the offset of the frame becomes its host address, if SS has it without wrapping. Clobbers rcx, rdx.
void frame_to_host(Assembler& a, Access access, const Label& miss) {
    a.add(x86::eax, base_of(SS));
    to_host(a, kView, kFrameBytes, access, miss);
}

// esi: CS, ebx: IP, r11d: the segmentation that is left. rdi = the translation there. Clobbers rcx, rdx.
void find_real_translation(Assembler& a, const Label& miss) {
    a.and_(x86::r11d, 0xffff0000);
    a.or_(x86::r11d, x86::esi);
    a.rorx(x86::ecx, x86::r11d, 32 - 6);  // SegmentedJumpCache::index()
    a.lea(x86::ecx, x86::ptr(x86::rcx, x86::rbx, 2));
    a.rorx(x86::edx, x86::ecx, 14);
    a.lea(x86::edx, x86::ptr(x86::rdx, x86::rcx, 3));
    a.shr(x86::edx, 32 - kJumpBits);
    a.shl(x86::r11, 32);
    a.or_(x86::r11, x86::rbx);
    a.add(x86::r11, view(offsetof(View, segmented_jumps.negated_tag), x86::rdx, 3));
    a.jnz(miss);
    a.mov(x86::rdi, view(offsetof(View, segmented_jumps.host), x86::rdx, 3));
}

// esi: CS. To rdi.
void enter(Assembler& a) {
    a.mov(selector_of(CS), x86::si);
    a.shl(x86::esi, 4);
    a.mov(base_of(CS), x86::esi);
    a.mov(FIELD(next_pc), x86::rdi);
    reload(a);
    a.jmp(FIELD_SIZED(next_pc, 8));
}

}  // namespace

void emit_real_interrupt(Assembler& a, const void* stop) {
    const Label miss = a.newLabel();
    spill(a);
    unless_event(a, miss);
    a.lea(x86::eax, x86::ptr(3, x86::r8, 2));
    a.movzx(x86::ecx, FIELD_SIZED(cpu.idtr.limit, 2));
    a.cmp(x86::eax, x86::ecx);
    a.ja(miss);
    a.mov(x86::eax, FIELD(cpu.idtr.base));
    a.lea(x86::eax, x86::ptr(x86::rax, x86::r8, 2));
    to_host(a, kView, 4, Access::Read, miss);
    a.movzx(x86::ebx, x86::word_ptr(x86::rax));
    a.movzx(x86::esi, x86::word_ptr(x86::rax, 2));
    a.movzx(x86::ebp, x86::r12w);
    a.sub(x86::ebp, kFrameBytes);
    a.jb(miss);
    find_real_translation(a, miss);
    a.mov(x86::eax, x86::ebp);
    frame_to_host(a, Access::Write, miss);

    a.movzx(x86::ecx, FIELD_SIZED(cpu.interrupt_flag, 1));
    a.movzx(x86::edx, FIELD_SIZED(cpu.direction_flag, 1));
    a.lea(x86::ecx, x86::ptr(x86::rcx, x86::rdx, 1));
    a.shl(x86::ecx, 9);
    a.or_(x86::ecx, FIELD(cpu.arithmetic_flags));
    a.or_(x86::ecx, FIELD(cpu.system_flags));
    a.or_(x86::ecx, flag::kAlwaysSet);
    a.mov(x86::word_ptr(x86::rax, 4), x86::cx);
    a.mov(x86::cx, selector_of(CS));
    a.mov(x86::word_ptr(x86::rax, 2), x86::cx);
    a.mov(x86::word_ptr(x86::rax), x86::r10w);
    a.and_(FIELD_SIZED(cpu.system_flags, 4), ~(flag::TF | flag::RF | flag::AC));
    a.mov(FIELD_SIZED(cpu.interrupt_flag, 1), 0);
    a.mov(x86::r12w, x86::bp);
    enter(a);
    give_up(a, miss, stop);
}

void emit_real_iret(Assembler& a, const void* stop) {
    const Label miss = a.newLabel(), calm = a.newLabel();
    spill(a);
    unless_event(a, miss);
    unless_nmi_blocked(a, miss);
    a.movzx(x86::eax, x86::r12w);
    a.cmp(x86::eax, 0x10000 - kFrameBytes);
    a.ja(miss);
    frame_to_host(a, Access::Read, miss);
    a.movzx(x86::ebx, x86::word_ptr(x86::rax));
    a.movzx(x86::esi, x86::word_ptr(x86::rax, 2));
    a.movzx(x86::r8d, x86::word_ptr(x86::rax, 4));
    a.test(x86::r8d, flag::TF);
    a.jnz(miss);
    a.test(x86::r8d, flag::IF);
    a.jz(calm);
    a.cmp(FIELD_SIZED(irq_asserted, 1), 0);
    a.jne(miss);
    a.bind(calm);
    find_real_translation(a, miss);

    constexpr uint32_t kChangeable = flag::IOPL | flag::NT;
    a.mov(x86::eax, x86::r8d);
    a.and_(x86::eax, flag::kArithmetic);
    a.mov(FIELD(cpu.arithmetic_flags), x86::eax);
    a.bt(x86::r8d, 9);
    a.setc(FIELD_SIZED(cpu.interrupt_flag, 1));
    a.bt(x86::r8d, 10);
    a.setc(FIELD_SIZED(cpu.direction_flag, 1));
    a.and_(x86::r8d, kChangeable);
    a.mov(x86::eax, FIELD_SIZED(cpu.system_flags, 4));
    a.and_(x86::eax, ~kChangeable);
    a.or_(x86::eax, x86::r8d);
    a.mov(FIELD_SIZED(cpu.system_flags, 4), x86::eax);
    a.lea(x86::eax, x86::ptr(x86::r12, kFrameBytes));
    a.mov(x86::r12w, x86::ax);
    enter(a);
    give_up(a, miss, stop);
}

}  // namespace ringfold::windows
