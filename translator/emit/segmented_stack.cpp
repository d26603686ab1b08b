// PUSHA, POPA, LEAVE and XLAT in code that is not flat.
#include "translator/emit/emit.h"

namespace ringfold {

using namespace windows;

// An address by ESP would be that behind the pop.
Emit::After Emit::segmented_pop_to_memory(const Instruction& i) {
    if (i.memory.base == ESP) return emit_step(i);
    const bool wide = i.operand_size == 4;
    const x86::Mem kept = context(offsetof(VcpuContext, scratch));
    const x86::Mem from = stack_memory(0, i.operand_size, Access::Read);
    wide ? a_.mov(x86::r10d, from) : a_.movzx(x86::r10d, from.cloneResized(2));
    a_.mov(kept.cloneResized(4), x86::r10d);
    if (!linear_address(i)) return emit_step(i);
    const x86::Mem to = guest_memory(i.operand_size, Access::Write);
    a_.mov(x86::r10d, kept.cloneResized(4));
    wide ? a_.mov(to, x86::r10d) : a_.mov(to, x86::r10w);
    ++block_->simulated;
    move_stack(i.operand_size);
    return After::GoesOn;
}

Emit::After Emit::segmented_leave(const Instruction& i) {
    const unsigned size = i.operand_size;
    ++block_->simulated;
    segment_ = SS;
    offset16_ = segments().stack16;
    offset16_ ? a_.movzx(kLinear, x86::bp) : a_.mov(kLinear, x86::ebp);
    const x86::Mem from = guest_memory(size, Access::Read);
    size == 4 ? a_.mov(x86::r10d, from) : a_.movzx(x86::r10d, from.cloneResized(2));
    a_.lea(x86::r9d, x86::ptr(x86::rbp, static_cast<int32_t>(size)));
    offset16_ ? a_.mov(x86::r12w, x86::r9w) : a_.mov(x86::r12d, x86::r9d);
    size == 4 ? a_.mov(x86::ebp, x86::r10d) : a_.mov(x86::bp, x86::r10w);
    return After::GoesOn;
}

// All eight at once if they lie within a page; else the interpreter pushes them one by one.
Emit::After Emit::emit_push_all(const Instruction& i) {
    if (flat()) return emit_step(i);
    const unsigned size = i.operand_size;
    ++block_->simulated;
    const x86::Mem frame = stack_memory(-8 * static_cast<int>(size), 8 * size, Access::Write);
    for (unsigned r = 0; r < 8; ++r) {
        const x86::Mem to = frame.cloneAdjusted((7 - r) * size);
        size == 4 ? a_.mov(to, host32(r)) : a_.mov(to, host16(r));
    }
    move_stack(-8 * static_cast<int>(size));
    return After::GoesOn;
}

Emit::After Emit::emit_pop_all(const Instruction& i) {
    if (flat()) return emit_step(i);
    const unsigned size = i.operand_size;
    ++block_->simulated;
    const x86::Mem frame = stack_memory(0, 8 * size, Access::Read);
    for (unsigned r = 0; r < 8; ++r) {
        if (r == ESP) continue;
        const x86::Mem from = frame.cloneAdjusted((7 - r) * size);
        size == 4 ? a_.mov(host32(r), from) : a_.mov(host16(r), from);
    }
    move_stack(8 * static_cast<int>(size));
    return After::GoesOn;
}

Emit::After Emit::emit_xlat(const Instruction& i) {
    if (flat() || (i.memory.segment == CS && !segments().code_readable)) return emit_step(i);
    ++block_->simulated;
    a_.movzx(kLinear, x86::al);
    a_.lea(kLinear, x86::ptr(x86::r8, x86::rbx));
    segment_ = i.memory.segment;
    offset16_ = i.address_size == 2;
    if (offset16_) a_.movzx(kLinear, x86::r8w);
    a_.mov(x86::al, guest_memory(1, Access::Read).cloneResized(1));
    return After::GoesOn;
}

}  // namespace ringfold
