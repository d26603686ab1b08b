// CLI, STI, PUSHF, POPF, CLD, STD: the guest's IF and DF live in memory, never in the host's flags.
#include "translator/emit/emit.h"

namespace ringfold {

using namespace windows;

namespace {
x86::Mem interrupt_flag() { return context(offsetof(VcpuContext, cpu.interrupt_flag), 1); }
x86::Mem direction_flag() { return context(offsetof(VcpuContext, cpu.direction_flag), 1); }
x86::Mem system_flags() { return context(offsetof(VcpuContext, cpu.system_flags), 4); }
}  // namespace

// CPL 0 never lacks the privilege; others depend on IOPL, which the interpreter looks at.
Emit::After Emit::emit_cli(const Instruction& i) {
    if (block_->key.mode.user) return emit_step(i);
    ++block_->simulated;
    a_.mov(interrupt_flag(), 0);
    return After::GoesOn;
}

// With an interrupt waiting, the interpreter runs STI and the instruction in its shadow.
Emit::After Emit::emit_sti(const Instruction& i) {
    if (block_->key.mode.user) return emit_stop(i);
    ++block_->simulated;
    asmjit::Label quiet = a_.newLabel(), waiting = a_.newLabel();
    a_.mov(kSavedRcx, x86::rcx);
    a_.movzx(x86::ecx, context(offsetof(VcpuContext, irq_asserted), 1));
    a_.jecxz(x86::rcx, quiet);
    a_.jmp(waiting);
    a_.bind(quiet);
    a_.mov(x86::rcx, kSavedRcx);
    a_.mov(interrupt_flag(), 1);
    Site& s = site();
    s.instruction = std::make_unique<Instruction>(i);
    cold([this, waiting, &s] {
        a_.bind(waiting);
        a_.mov(x86::rcx, kSavedRcx);
        call_monitor(s, stubs_.stop);
    });
    return After::GoesOn;
}

Emit::After Emit::emit_pushf(const Instruction& i) {
    const unsigned size = i.operand_size;
    const bool v86 = block_->key.mode.user && segments().real;  // IOPL counts
    if (v86 || (flat() && size != 4)) return emit_step(i);
    ++block_->simulated;
    push_value(size, [this, size](const x86::Mem& to) {
        a_.lea(x86::r8, to);
        a_.pushfq();
        a_.pop(x86::r10);
        // AND would change the flags that were just read; PEXT and PDEP do not.
        a_.pext(x86::r10d, x86::r10d, context(offsetof(VcpuContext, arithmetic_mask), 4));
        a_.pdep(x86::r10d, x86::r10d, context(offsetof(VcpuContext, arithmetic_mask), 4));
        a_.movzx(x86::r9d, interrupt_flag());
        a_.rorx(x86::r9d, x86::r9d, 32 - 9);
        a_.lea(x86::r10d, x86::ptr(x86::r10, x86::r9));
        a_.movzx(x86::r9d, direction_flag());
        a_.rorx(x86::r9d, x86::r9d, 32 - 10);
        a_.lea(x86::r10d, x86::ptr(x86::r10, x86::r9));
        a_.mov(x86::r9d, system_flags());
        a_.lea(x86::r10d, x86::ptr(x86::r10, x86::r9, 0, static_cast<int32_t>(flag::kAlwaysSet)));
        x86::Mem plain = x86::ptr(x86::r8, 0, 4);
        if (direct()) plain.setSegment(x86::gs);
        size == 4 ? a_.mov(plain, x86::r10d) : a_.mov(plain.cloneResized(2), x86::r10w);
    });
    return After::GoesOn;
}

// Inline while nothing but arithmetic flags, DF and, if the CPL may, IF changes. User code with an IOPL of 3 may.
Emit::After Emit::emit_popf(const Instruction& i) {
    const bool user = block_->key.mode.user, wide = i.operand_size == 4;
    if ((flat() && !wide) || (user && segments().real)) return emit_stop(i);
    ++block_->simulated;
    // What stays as it is, and so has to be equal: RF and VM read as zero, and user code cannot change IOPL.
    constexpr uint32_t kSystem = flag::TF | flag::IOPL | flag::NT | flag::RF | flag::VM | flag::AC | flag::VIF | flag::VIP | flag::ID;
    constexpr uint32_t kUserSystem = flag::TF | flag::NT | flag::AC | flag::ID;
    asmjit::Label rare = a_.newLabel();
    if (flat()) {
        a_.mov(kLinear, x86::r12d);
        a_.mov(x86::r10d, guest_memory(4, Access::Read));
    } else {
        const x86::Mem from = stack_memory(0, i.operand_size, Access::Read);
        wide ? a_.mov(x86::r10d, from) : a_.movzx(x86::r10d, from.cloneResized(2));
    }
    a_.mov(x86::r9d, x86::r10d);
    a_.and_(x86::r9d, user ? kUserSystem : kSystem);  // 16 bits of them: with others set, the interpreter is asked
    a_.cmp(x86::r9d, system_flags());  // with an IOPL other than 0, the interpreter is asked
    a_.jne(rare);
    if (!user) {
        a_.bt(x86::r10d, 9);
        a_.setc(x86::r9b);
        a_.test(context(offsetof(VcpuContext, irq_asserted), 1), x86::r9b);
        a_.jnz(rare);  // an interrupt will be taken
        a_.mov(interrupt_flag(), x86::r9b);
    }
    a_.bt(x86::r10d, 10);
    a_.setc(direction_flag());
    // SAHF sets five of the flags, ADD overflows for the sixth: POPF takes three times as long.
    a_.mov(x86::r11d, x86::eax);
    a_.mov(x86::eax, x86::r10d);
    a_.mov(x86::ah, x86::al);
    a_.shr(x86::r10d, 11);
    a_.mov(x86::al, x86::r10b);
    a_.and_(x86::al, 1);
    a_.add(x86::al, 0x7f);
    a_.sahf();
    a_.mov(x86::eax, x86::r11d);
    move_stack(i.operand_size);
    Site& s = site();
    s.instruction = std::make_unique<Instruction>(i);
    cold([this, rare, &s] {
        a_.bind(rare);
        call_monitor(s, stubs_.step);
    });
    return After::GoesOn;
}

Emit::After Emit::emit_cld(const Instruction&) {
    ++block_->simulated;
    a_.mov(direction_flag(), 0);
    return After::GoesOn;
}

Emit::After Emit::emit_std_(const Instruction&) {
    ++block_->simulated;
    a_.mov(direction_flag(), 1);
    return After::GoesOn;
}

}  // namespace ringfold
