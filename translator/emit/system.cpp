// System instructions that only read or write the guest's own registers in the context: control registers, the
// time-stamp counter; and calls of the monitor that come straight back: ports, CPUID.
#include "translator/emit/emit.h"

namespace ringfold {

using namespace windows;

namespace {

x86::Mem control_register(unsigned n) {
    constexpr size_t kOffset[] = {offsetof(VcpuContext, cpu.cr0), 0, offsetof(VcpuContext, cpu.cr2),
                                  offsetof(VcpuContext, cpu.cr3), offsetof(VcpuContext, cpu.cr4)};
    return context(kOffset[n], 4);
}
bool exists(unsigned n) {
    return n == 0 || (n >= 2 && n <= 4);
}

}  // namespace

// Control may go there instead of to the next instruction, with the registers as they were and rcx in r11.
Site& Emit::interpreted_at(const asmjit::Label& rare, const void* stub) {
    Site& s = site();
    s.instruction = std::make_unique<Instruction>(*current_);
    cold([this, rare, stub, &s] {
        a_.bind(rare);
        a_.mov(x86::rcx, kSavedRcx);
        call_monitor(s, stub);
    });
    return s;
}

Emit::After Emit::emit_mov_control(const Instruction& i) {
    const bool to_control = i.op(0).kind == OperandKind::Control;
    const unsigned n = i.op(to_control ? 0 : 1).reg;
    if (block_->key.mode.user || !exists(n)) return emit_stop(i);
    if (!to_control) {
        ++block_->simulated;
        a_.mov(host32(i.op(0).reg), control_register(n));
        return After::GoesOn;
    }
    const x86::Gp value = host32(i.op(1).reg);
    if (n == 0) return change_task_switched(i, value);
    if (n != 2) return emit_stop(i);
    ++block_->simulated;
    a_.mov(control_register(2), value);
    return After::GoesOn;
}

// A write of CR0 that changes nothing but TS, which the next FPU instruction looks at: the code behind must not take
// its state for loaded. Anything else is the interpreter's.
Emit::After Emit::change_task_switched(const Instruction& i, const x86::Gp& value) {
    ++block_->simulated;
    fpu_loaded_ = false;
    asmjit::Label rare = a_.newLabel(), store = a_.newLabel();
    keep_flags();
    a_.mov(x86::r8d, value);
    a_.xor_(x86::r8d, control_register(0));
    a_.test(x86::r8d, ~cr0::TS);
    a_.jnz(rare);
    a_.test(value, cr0::TS);
    a_.jz(store);
    a_.cmp(context(offsetof(VcpuContext, fpu_saved), 1), 0);
    a_.je(rare);
    a_.bind(store);
    a_.mov(control_register(0), value);
    take_flags_back();
    Site& s = site();
    s.instruction = std::make_unique<Instruction>(i);
    cold([this, rare, &s] {
        a_.bind(rare);
        take_flags_back();
        call_monitor(s, stubs_.step);
    });
    return After::GoesOn;
}

// LAHF and SETO keep the arithmetic flags in r10, ADD and SAHF bring them back; r11 holds EAX meanwhile.
void Emit::keep_flags() {
    a_.mov(x86::r11d, x86::eax);
    a_.lahf();
    a_.seto(x86::al);
    a_.mov(x86::r10d, x86::eax);
    a_.mov(x86::eax, x86::r11d);
}
void Emit::take_flags_back() {
    a_.mov(x86::r11d, x86::eax);
    a_.mov(x86::eax, x86::r10d);
    a_.add(x86::al, 0x7f);  // overflows if OF was 1
    a_.sahf();
    a_.mov(x86::eax, x86::r11d);
}

Emit::After Emit::emit_clts(const Instruction& i) {
    if (block_->key.mode.user) return emit_step(i);
    ++block_->simulated;
    asmjit::Label clear = a_.newLabel();
    a_.mov(kSavedRcx, x86::rcx);
    a_.mov(x86::r8d, control_register(0));
    a_.pext(x86::ecx, x86::r8d, context(offsetof(VcpuContext, task_switched_mask), 4));
    a_.jecxz(x86::rcx, clear);
    a_.lea(x86::r8d, x86::ptr(x86::r8, -static_cast<int32_t>(cr0::TS)));
    a_.mov(control_register(0), x86::r8d);
    a_.bind(clear);
    a_.mov(x86::rcx, kSavedRcx);
    return After::GoesOn;
}

// The host's counter and the guest's offset, added without flags. CR4.TSD keeps it from user code.
Emit::After Emit::emit_rdtsc(const Instruction&) {
    ++block_->simulated;
    if (block_->key.mode.user) {
        asmjit::Label allowed = a_.newLabel(), rare = a_.newLabel();
        a_.mov(kSavedRcx, x86::rcx);
        a_.mov(x86::ecx, control_register(4));
        a_.pext(x86::ecx, x86::ecx, context(offsetof(VcpuContext, time_stamp_disable_mask), 4));
        a_.jecxz(x86::rcx, allowed);
        a_.jmp(rare);
        a_.bind(allowed);
        a_.mov(x86::rcx, kSavedRcx);
        interpreted_at(rare, stubs_.step);
    }
    a_.rdtsc();
    a_.mov(x86::r8, context(offsetof(VcpuContext, cpu.tsc_offset), 8));
    a_.rorx(x86::rdx, x86::rdx, 32);
    a_.lea(x86::rax, x86::ptr(x86::rax, x86::r8));
    a_.lea(x86::rax, x86::ptr(x86::rax, x86::rdx));
    a_.rorx(x86::rdx, x86::rax, 32);
    a_.mov(x86::edx, x86::edx);
    a_.mov(x86::eax, x86::eax);
    return After::GoesOn;
}

void Emit::light_call(const Instruction& i, const void* stub) {
    const asmjit::Label behind = a_.newLabel();
    Site& s = site();
    s.instruction = std::make_unique<Instruction>(i);
    a_.lea(x86::r10, x86::ptr(behind));
    call_monitor(s, stub);
    a_.bind(behind);
    ++block_->called;
}

Emit::After Emit::emit_port(const Instruction& i) {
    const bool in_dx = i.opcode & 8, out = i.opcode & 2;
    const unsigned size = i.opcode & 1 ? i.operand_size : 1;
    if (in_dx) {
        a_.movzx(x86::r8d, x86::dx);
        a_.lea(x86::r8d, x86::ptr(x86::r8, static_cast<int32_t>(size << 16)));
    } else {
        a_.mov(x86::r8d, size << 16 | (i.immediate & 0xff));
    }
    light_call(i, out ? stubs_.port_out : stubs_.port_in);
    return After::GoesOn;
}

Emit::After Emit::emit_quick(const Instruction& i) {
    light_call(i, stubs_.quick);
    return After::GoesOn;
}

}  // namespace ringfold
