// INT n, exceptions, IRET, SYSENTER and SYSEXIT in the code cache, as listings.
#include "translator/engine/windows/gate_stubs.h"

#include "translator/engine/windows/stub_parts.h"

namespace ringfold::windows {

namespace {

using asmjit::Label;
using x86::Assembler;

constexpr uint8_t kSupervisor = 0, kUser = 1;
static_assert(static_cast<uint8_t>(Privilege::Supervisor) == kSupervisor &&
              static_cast<uint8_t>(Privilege::User) == kUser);

// The eight bytes of flat descriptors: base 0, limit 4 GiB, 32-bit, present, accessed.
constexpr uint64_t kCode = 0x00cf9b000000ffff, kData = 0x00cf93000000ffff;
constexpr uint64_t kDpl3 = uint64_t{3} << 45;
// What they leave in a segment register, above its selector.
constexpr uint32_t kCodeRegister = 0xc09b0000, kDataRegister = 0xc0930000, kDpl3Register = 3u << 21;

x86::Mem segment(unsigned s, size_t field, uint32_t size) {
    return context(offsetof(VcpuContext, cpu.segment) + s * sizeof(SegmentRegister) + field, size);
}
x86::Mem selector_of(unsigned s) {
    return segment(s, offsetof(SegmentRegister, selector), 2);
}
x86::Mem side(size_t array, uint8_t p) {
    return context(array + 8u * p, 8);
}
#define SIDE(member, p) side(offsetof(VcpuContext, crossing.member), p)
x86::Mem ready(uint8_t p) {
    return context(offsetof(VcpuContext, crossing.ready) + p, 1);
}

// esi: a selector. It must be of ring `rpl`, and its descriptor in the GDT exactly `expected`. Clobbers rax, rcx, rdx.
void check_flat(Assembler& a, const x86::Gp& view, uint64_t expected, unsigned rpl, const Label& miss) {
    a.mov(x86::eax, x86::esi);
    a.and_(x86::eax, 7);  // RPL, and TI: not the LDT
    a.cmp(x86::eax, rpl);
    a.jne(miss);
    a.movzx(x86::ecx, FIELD_SIZED(cpu.gdtr.limit, 2));
    a.mov(x86::eax, x86::esi);
    a.or_(x86::eax, 7);
    a.cmp(x86::eax, x86::ecx);
    a.ja(miss);
    a.and_(x86::eax, 0xfff8);
    a.jz(miss);  // null
    a.add(x86::eax, FIELD(cpu.gdtr.base));
    to_host(a, view, 8, Access::Read, miss);
    a.mov(x86::rcx, expected);
    a.cmp(x86::rcx, x86::ptr(x86::rax));
    a.jne(miss);
}

// host = the translation of `eip` in `view`'s jump cache. Clobbers rcx, rdx.
void find_translation(Assembler& a, const x86::Gp& view, const x86::Gp& eip, const x86::Gp& host, const Label& miss) {
    a.rorx(x86::edx, eip.r32(), 14);
    a.lea(x86::edx, x86::ptr(x86::rdx, eip.r64(), 3));
    a.shr(x86::edx, 32 - kJumpBits);
    a.mov(x86::ecx, in_view(view, offsetof(View, jumps.negated_eip), x86::rdx, 2));
    a.add(x86::ecx, eip.r32());
    a.jnz(miss);
    a.mov(host, in_view(view, offsetof(View, jumps.host), x86::rdx, 3));
}

// `selector`, zero-extended and of the right RPL, is lost.
void set_segment(Assembler& a, unsigned s, const x86::Gp& selector, uint32_t rest) {
    a.or_(selector.r32(), rest);
    a.mov(segment(s, 0, 8), selector.r64());  // selector, attributes, base 0
    a.mov(segment(s, offsetof(SegmentRegister, limit), 4), 0xffffffff);
}

// The other side's view, host return stack and window. Clobbers rax.
void cross(Assembler& a, uint8_t to) {
    const Label done = a.newLabel();
    if (to == kSupervisor) {  // whose stack starts afresh, while the user's will be found as it was left
        a.mov(FIELD(crossing.user_return_rsp), x86::rsp);
        a.mov(x86::rsp, SIDE(return_top, kSupervisor));
    } else {
        a.mov(x86::rsp, FIELD(crossing.user_return_rsp));
    }
    a.mov(x86::rax, SIDE(return_top, to));
    a.mov(FIELD(return_top), x86::rax);
    a.mov(FIELD_SIZED(crossing.user_stack, 1), to);
    a.mov(kView, SIDE(view_register, to));
    a.mov(FIELD(view_register), kView);
    a.mov(FIELD_SIZED(cpu.cpl, 1), to == kUser ? 3 : 0);
    a.cmp(FIELD_SIZED(crossing.windows, 1), 0);
    a.je(done);
    a.mov(x86::rax, SIDE(window, to));
    a.mov(FIELD(crossing.window_now), x86::rax);
    a.wrgsbase(x86::rax);
    a.bind(done);
}

// --- INT n and exceptions -------------------------------------------------------------------------------------

// r8d: vector. ebx = the handler's EIP, esi = its CS, r11 bit 8: a trap gate.
void read_gate(Assembler& a, const x86::Gp& view, bool check_dpl, const Label& miss) {
    a.lea(x86::eax, x86::ptr(7, x86::r8, 3));
    a.movzx(x86::ecx, FIELD_SIZED(cpu.idtr.limit, 2));
    a.cmp(x86::eax, x86::ecx);
    a.ja(miss);
    a.mov(x86::eax, FIELD(cpu.idtr.base));
    a.lea(x86::eax, x86::ptr(x86::rax, x86::r8, 3));
    to_host(a, view, 8, Access::Read, miss);
    a.mov(x86::ebx, x86::ptr(x86::rax));
    a.mov(x86::r11d, x86::ptr(x86::rax, 4));
    // A present 32-bit interrupt or trap gate, which ring 3 may call.
    constexpr uint32_t kKind = 0x9e00, kGate = 0x8e00, kDpl = 0x6000;
    a.mov(x86::eax, x86::r11d);
    a.and_(x86::eax, check_dpl ? kKind | kDpl : kKind);
    a.cmp(x86::eax, check_dpl ? kGate | kDpl : kGate);
    a.jne(miss);
    a.mov(x86::esi, x86::ebx);
    a.shr(x86::esi, 16);
    a.movzx(x86::ebx, x86::bx);
    a.mov(x86::eax, x86::r11d);
    a.and_(x86::eax, 0xffff0000);
    a.or_(x86::ebx, x86::eax);
}

// rax: the new top of the stack. r10d: EIP. Faults restart their instruction, so they push RF. Clobbers rcx, rdx.
void push_return_frame(Assembler& a, GateEvent event) {
    int32_t at = 0;
    if (event == GateEvent::ExceptionWithError) {
        a.mov(x86::ecx, FIELD(exception_error));
        a.mov(x86::dword_ptr(x86::rax), x86::ecx);
        at = 4;
    }
    a.mov(x86::dword_ptr(x86::rax, at), x86::r10d);
    a.movzx(x86::ecx, selector_of(CS));
    a.mov(x86::dword_ptr(x86::rax, at + 4), x86::ecx);
    a.movzx(x86::ecx, FIELD_SIZED(cpu.interrupt_flag, 1));
    a.movzx(x86::edx, FIELD_SIZED(cpu.direction_flag, 1));
    a.lea(x86::ecx, x86::ptr(x86::rcx, x86::rdx, 1));
    a.shl(x86::ecx, 9);
    a.or_(x86::ecx, FIELD(cpu.arithmetic_flags));
    a.or_(x86::ecx, FIELD(cpu.system_flags));
    a.or_(x86::ecx, event == GateEvent::SoftwareInterrupt ? flag::kAlwaysSet : flag::kAlwaysSet | flag::RF);
    a.mov(x86::dword_ptr(x86::rax, at + 8), x86::ecx);
}

// r11 bit 8: a trap gate, which leaves IF alone.
void enter_flags(Assembler& a) {
    a.and_(FIELD_SIZED(cpu.system_flags, 4), ~(flag::TF | flag::NT | flag::RF | flag::VM));
    a.shr(x86::r11d, 8);
    a.and_(x86::r11d, 1);
    a.and_(FIELD_SIZED(cpu.interrupt_flag, 1), x86::r11b);
}

// SS0 and ESP0 of a 32-bit TSS: esi = the selector, checked, ebp = the stack pointer less the frame.
void take_inner_stack(Assembler& a, const x86::Gp& view, uint32_t frame, const Label& miss) {
    a.test(context(offsetof(VcpuContext, cpu.tr.attributes), 1), 8);
    a.jz(miss);
    a.cmp(FIELD_SIZED(cpu.tr.limit, 4), 9);
    a.jb(miss);
    a.mov(x86::eax, FIELD(cpu.tr.base));
    a.add(x86::eax, 4);
    to_host(a, view, 6, Access::Read, miss);
    a.movzx(x86::esi, x86::word_ptr(x86::rax, 4));
    a.mov(x86::ebp, x86::dword_ptr(x86::rax));
    a.sub(x86::ebp, frame);
    check_flat(a, view, kData, 0, miss);
}

}  // namespace

void emit_gate(Assembler& a, GateEvent event, bool from_user, const void* otherwise) {
    const uint32_t frame = (from_user ? 20 : 12) + (event == GateEvent::ExceptionWithError ? 4 : 0);
    const bool software = event == GateEvent::SoftwareInterrupt;
    const Label miss = a.newLabel();
    const x86::Gp view = from_user ? x86::Gp(x86::rdi) : x86::Gp(kView);
    spill(a);
    unless_event(a, miss);
    a.cmp(ready(kSupervisor), 0);
    a.je(miss);
    if (from_user) a.mov(view, SIDE(view_register, kSupervisor));
    if (!software) {
        a.mov(x86::r8d, FIELD(exception_vector));
        a.mov(x86::r10d, FIELD(cpu.eip));
    }
    read_gate(a, view, software && from_user, miss);
    check_flat(a, view, kCode, 0, miss);
    if (from_user) {
        a.mov(x86::r8d, x86::esi);
        take_inner_stack(a, view, frame, miss);
        a.mov(x86::eax, x86::ebp);
    } else {
        a.lea(x86::eax, x86::ptr(x86::r12, -static_cast<int32_t>(frame)));
    }
    to_host(a, view, frame, Access::Write, miss);
    find_translation(a, view, x86::rbx, x86::rbx, miss);

    push_return_frame(a, event);
    enter_flags(a);
    if (!from_user) {
        a.sub(x86::r12d, frame);
        set_segment(a, CS, x86::rsi, kCodeRegister);
        go_on(a);
        return give_up(a, miss, otherwise);
    }
    a.mov(x86::dword_ptr(x86::rax, static_cast<int32_t>(frame) - 8), x86::r12d);
    a.movzx(x86::ecx, selector_of(SS));
    a.mov(x86::dword_ptr(x86::rax, static_cast<int32_t>(frame) - 4), x86::ecx);
    a.mov(x86::r12d, x86::ebp);
    set_segment(a, SS, x86::rsi, kDataRegister);
    set_segment(a, CS, x86::r8, kCodeRegister);
    cross(a, kSupervisor);
    go_on(a);
    give_up(a, miss, otherwise);
}

// --- IRET -----------------------------------------------------------------------------------------------------

namespace {

// r8d: EFLAGS, checked, becomes the guest's. Clobbers rax.
void take_flags(Assembler& a) {
    a.mov(x86::eax, x86::r8d);
    a.and_(x86::eax, flag::kArithmetic);
    a.mov(FIELD(cpu.arithmetic_flags), x86::eax);
    a.bt(x86::r8d, 9);
    a.setc(FIELD_SIZED(cpu.interrupt_flag, 1));
    a.bt(x86::r8d, 10);
    a.setc(FIELD_SIZED(cpu.direction_flag, 1));
    a.and_(x86::r8d, flag::IOPL | flag::VIF | flag::VIP | flag::ID);  // RF means nothing without breakpoints
    a.mov(FIELD(cpu.system_flags), x86::r8d);
}

// A data segment of an inner ring would become null. Clobbers rax.
void unless_dropped(Assembler& a, unsigned s, const Label& miss) {
    // P and DPL of the attributes' low byte: below 80 not present, e0 and above ring 3.
    a.mov(x86::al, segment(s, offsetof(SegmentRegister, attributes), 1));
    a.sub(x86::al, 0x80);
    a.cmp(x86::al, 0x60);
    a.jb(miss);
}

}  // namespace

void emit_iret(Assembler& a, const void* stop) {
    const Label miss = a.newLabel(), same_ring = a.newLabel(), calm = a.newLabel();
    const x86::Gp user_view = x86::rdi;
    spill(a);
    unless_event(a, miss);
    a.test(FIELD_SIZED(cpu.system_flags, 4), flag::NT);
    a.jnz(miss);
    unless_nmi_blocked(a, miss);
    a.mov(x86::eax, x86::r12d);
    to_host(a, kView, 12, Access::Read, miss);
    a.mov(x86::ebx, x86::dword_ptr(x86::rax));
    a.movzx(x86::esi, x86::word_ptr(x86::rax, 4));
    a.mov(x86::r8d, x86::dword_ptr(x86::rax, 8));
    a.test(x86::r8d, flag::TF | flag::NT | flag::VM | flag::AC);
    a.jnz(miss);
    a.test(x86::r8d, flag::IF);
    a.jz(calm);
    a.cmp(FIELD_SIZED(irq_asserted, 1), 0);
    a.jne(miss);
    a.bind(calm);
    a.test(x86::esi, 3);
    a.jz(same_ring);

    a.cmp(ready(kUser), 0);
    a.je(miss);
    check_flat(a, kView, kCode | kDpl3, 3, miss);
    a.mov(x86::r10d, x86::esi);
    a.mov(x86::eax, x86::r12d);
    to_host(a, kView, 20, Access::Read, miss);
    a.mov(x86::ebp, x86::dword_ptr(x86::rax, 12));
    a.movzx(x86::esi, x86::word_ptr(x86::rax, 16));
    check_flat(a, kView, kData | kDpl3, 3, miss);
    for (const unsigned s : {ES, DS, FS, GS}) unless_dropped(a, s, miss);
    a.mov(user_view, SIDE(view_register, kUser));
    a.mov(x86::r11d, x86::ebx);
    find_translation(a, user_view, x86::rbx, x86::rbx, miss);
    take_flags(a);
    a.mov(x86::r12d, x86::ebp);
    set_segment(a, SS, x86::rsi, kDataRegister | kDpl3Register);
    set_segment(a, CS, x86::r10, kCodeRegister | kDpl3Register);
    cross(a, kUser);
    a.mov(x86::r8d, x86::r11d);  // EIP, for the entry
    go_on(a);

    a.bind(same_ring);
    check_flat(a, kView, kCode, 0, miss);
    find_translation(a, kView, x86::rbx, x86::rbx, miss);
    take_flags(a);
    a.add(x86::r12d, 12);
    set_segment(a, CS, x86::rsi, kCodeRegister);
    go_on(a);
    give_up(a, miss, stop);
}

// --- SYSENTER, SYSEXIT ----------------------------------------------------------------------------------------

namespace {

// These are short: flags in r10d, EAX in r11d, three more registers in memory.
void spill_few(Assembler& a) {
    a.mov(x86::r11d, x86::eax);
    a.mov(guest_register(ECX), x86::ecx);
    a.mov(guest_register(EDX), x86::edx);
    a.mov(guest_register(EBX), x86::ebx);
    a.lahf();
    a.seto(x86::al);
    a.mov(x86::r10d, x86::eax);
}
void reload_few(Assembler& a) {
    a.mov(x86::eax, x86::r10d);
    a.add(x86::al, 0x7f);
    a.sahf();
    a.mov(x86::eax, x86::r11d);
    a.mov(x86::ecx, guest_register(ECX));
    a.mov(x86::edx, guest_register(EDX));
    a.mov(x86::ebx, guest_register(EBX));
}

// CS and SS from IA32_SYSENTER_CS, which is not null, in eax. Clobbers rcx.
void set_fast_segments(Assembler& a, unsigned code, unsigned stack, uint32_t ring) {
    a.lea(x86::ecx, x86::ptr(x86::rax, static_cast<int32_t>(stack)));
    a.movzx(x86::ecx, x86::cx);
    set_segment(a, SS, x86::rcx, kDataRegister | ring);
    a.lea(x86::ecx, x86::ptr(x86::rax, static_cast<int32_t>(code)));
    a.movzx(x86::ecx, x86::cx);
    set_segment(a, CS, x86::rcx, kCodeRegister | ring);
}

void read_fast_selector(Assembler& a, const Label& miss) {
    a.mov(x86::eax, FIELD(cpu.sysenter_cs));
    a.and_(x86::eax, 0xfffc);
    a.jz(miss);
}

void give_up_few(Assembler& a, const Label& miss, const void* stop) {
    a.bind(miss);
    reload_few(a);
    a.jmp(asmjit::Imm(reinterpret_cast<uint64_t>(stop)));
}

}  // namespace

void emit_sysenter(Assembler& a, const void* stop) {
    const Label miss = a.newLabel();
    spill_few(a);
    unless_event(a, miss);
    a.cmp(ready(kSupervisor), 0);
    a.je(miss);
    read_fast_selector(a, miss);
    a.mov(x86::rbx, SIDE(view_register, kSupervisor));
    a.mov(x86::r8d, FIELD(cpu.sysenter_eip));
    find_translation(a, x86::rbx, x86::r8, x86::r8, miss);
    set_fast_segments(a, 0, 8, 0);
    a.mov(FIELD_SIZED(cpu.interrupt_flag, 1), 0);
    a.mov(x86::r12d, FIELD(cpu.sysenter_esp));
    cross(a, kSupervisor);
    reload_few(a);
    a.jmp(x86::r8);
    give_up_few(a, miss, stop);
}

void emit_sysexit(Assembler& a, const void* stop) {
    const Label miss = a.newLabel();
    spill_few(a);
    unless_event(a, miss);
    a.cmp(ready(kUser), 0);
    a.je(miss);
    a.test(FIELD_SIZED(cpu.system_flags, 4), flag::AC);
    a.jnz(miss);
    read_fast_selector(a, miss);
    a.mov(x86::rbx, SIDE(view_register, kUser));
    a.mov(x86::r8d, x86::edx);
    find_translation(a, x86::rbx, x86::r8, x86::r9, miss);  // r8d: EIP, for the entry
    set_fast_segments(a, 16 + 3, 24 + 3, kDpl3Register);
    a.mov(x86::r12d, guest_register(ECX));
    cross(a, kUser);
    reload_few(a);
    a.jmp(x86::r9);
    give_up_few(a, miss, stop);
}

}  // namespace ringfold::windows
