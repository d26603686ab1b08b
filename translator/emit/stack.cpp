// PUSH, POP, LEAVE. The access comes first, ESP moves after it: a fault finds ESP as it was.
#include "translator/emit/emit.h"

namespace ringfold {

using namespace windows;

namespace {
const x86::Gp kEsp32 = x86::r12d, kEsp64 = x86::r12;
}

// What lies `displacement` above ESP. In direct form that is an address like any other, without a step of its own.
x86::Mem Emit::stack_memory(int displacement, unsigned size, Access access) {
    if (!flat()) return segmented_stack_memory(displacement, size, access);
    if (direct()) {
        x86::Mem m = x86::ptr(kEsp32, displacement + stack_lag_);
        m.setSegment(x86::gs);
        return m;
    }
    displacement ? a_.lea(kLinear, x86::ptr(kEsp64, displacement)) : a_.mov(kLinear, kEsp32);
    return guest_memory(size, access);
}

// In a row of pushes or pops ESP moves once: the others find their place without, and a fault in between finds what ESP
// lags by in its HostSpot.
void Emit::move_stack_later(int by) {
    if (following_ && takes_lag(*following_))
        stack_lag_ += by;
    else
        move_stack(by);
}

// Does the next instruction do with an ESP that lags?
bool Emit::takes_lag(const Instruction& next) const {
    if (!direct() || !flat() || next.operand_size != 4 || options_.simulate_families) return false;
    if (adaptation && adaptation->needs(Remedy::SoftAccess, block_->key.code.value + (next_eip_ - block_->key.eip))) return false;
    const Operand& op = next.op(0);
    const bool other_register = op.kind == OperandKind::Gpr && op.reg != ESP;
    switch (next.row->emit) {
        case EmitKind::push: return other_register;
        case EmitKind::pop: return other_register;
        case EmitKind::call: return op.kind == OperandKind::Relative;
        case EmitKind::ret: return true;
        default: return false;
    }
}

Emit::After Emit::emit_push(const Instruction& i) {
    const int size = i.operand_size;
    const Operand& op = i.op(0);
    if (op.kind != OperandKind::Gpr && op.kind != OperandKind::Immediate && op.kind != OperandKind::Memory) return emit_step(i);
    if (op.kind == OperandKind::Memory) {
        if (flat() && size != 4) return emit_step(i);
        const auto from = operand_memory(i, static_cast<unsigned>(size), Access::Read);
        if (!from) return emit_step(i);
        size == 4 ? a_.mov(x86::r10d, *from) : a_.movzx(x86::r10d, from->cloneResized(2));
        if (!direct()) a_.mov(context(offsetof(VcpuContext, scratch), 4), x86::r10d);  // the soft push clobbers it
    }
    ++block_->simulated;
    x86::Mem to = stack_memory(-size, static_cast<unsigned>(size), Access::Write);
    to.setSize(static_cast<uint32_t>(size));
    switch (op.kind) {
        case OperandKind::Immediate: a_.mov(to, asmjit::Imm(size == 4 ? static_cast<int32_t>(i.immediate) : static_cast<int16_t>(i.immediate))); break;
        case OperandKind::Memory:
            if (!direct()) a_.mov(x86::r10d, context(offsetof(VcpuContext, scratch), 4));
            size == 4 ? a_.mov(to, x86::r10d) : a_.mov(to, x86::r10w);
            break;
        default: a_.mov(to, size == 4 ? host32(op.reg) : host16(op.reg)); break;
    }
    move_stack_later(-size);
    return After::GoesOn;
}

Emit::After Emit::emit_pop(const Instruction& i) {
    const int size = i.operand_size;
    const Operand& op = i.op(0);
    if (op.kind == OperandKind::Memory && !flat()) return segmented_pop_to_memory(i);
    if (op.kind != OperandKind::Gpr) return emit_step(i);
    ++block_->simulated;
    const x86::Mem from = stack_memory(0, static_cast<unsigned>(size), Access::Read);
    if (op.reg == ESP && size == 2) {  // ESP moves before the write to SP
        a_.movzx(x86::r10d, from.cloneResized(2));
        move_stack(size);
        a_.mov(x86::r12w, x86::r10w);
        return After::GoesOn;
    }
    if (size == 4)
        a_.mov(host32(op.reg), from);
    else
        a_.mov(host16(op.reg), from);
    if (op.reg != ESP) move_stack_later(size);
    return After::GoesOn;
}

Emit::After Emit::emit_leave(const Instruction& i) {
    if (!flat()) return segmented_leave(i);
    if (i.operand_size != 4) return emit_step(i);
    ++block_->simulated;
    a_.mov(kLinear, x86::ebp);
    a_.mov(x86::r10d, guest_memory(4, Access::Read));
    a_.lea(kEsp32, x86::ptr(x86::rbp, 4));
    a_.mov(x86::ebp, x86::r10d);
    return After::GoesOn;
}

}  // namespace ringfold
