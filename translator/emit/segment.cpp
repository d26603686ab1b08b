// MOV, PUSH and POP of segment registers. A load goes through the cache of loaded descriptors; what it does not
// hold, and every load of SS, is the interpreter's.
#include "translator/emit/emit.h"

namespace ringfold {

using namespace windows;

namespace {

size_t register_offset(unsigned segment) {
    return offsetof(VcpuContext, cpu.segment) + segment * sizeof(SegmentRegister);
}
x86::Mem selector_of(unsigned segment) {
    return context(register_offset(segment) + offsetof(SegmentRegister, selector), 2);
}
x86::Mem slot(size_t array, uint32_t shift) {
    return x86::ptr(kContext, x86::r9, shift, static_cast<int32_t>(array) - kContextBias);
}

bool loads_from_cache(unsigned segment) {
    return segment == DS || segment == ES || segment == FS || segment == GS;
}

}  // namespace

// r8d: the selector. Clobbers r9 to r11.
void Emit::load_segment(const Instruction& i, unsigned segment) {
    const bool flat = segment == DS || segment == ES;  // translations rely on these
    asmjit::Label hit = a_.newLabel(), miss = a_.newLabel();
    a_.rorx(x86::r9d, x86::r8d, 3);
    a_.movzx(x86::r9d, x86::r9b);
    static_assert(SegmentSlots::kSlots == 256, "the index is a byte");
    a_.mov(kSavedRcx, x86::rcx);
    a_.mov(x86::ecx, slot(flat ? offsetof(VcpuContext, segments.flat) : offsetof(VcpuContext, segments.any), 2));
    a_.lea(x86::ecx, x86::ptr(x86::rcx, x86::r8, 0, block_->key.mode.user ? static_cast<int32_t>(SegmentSlots::kUser) : 0));
    a_.jecxz(x86::rcx, hit);
    a_.jmp(miss);
    a_.bind(hit);
    a_.mov(x86::rcx, kSavedRcx);
    Site& s = site();
    s.instruction = std::make_unique<Instruction>(i);
    cold([this, miss, &s] {
        a_.bind(miss);
        a_.mov(x86::rcx, kSavedRcx);
        call_monitor(s, stubs_.step);
    });
    if (!flat) {
        a_.movzx(x86::r10d, slot(offsetof(VcpuContext, segments.odd), 0).cloneResized(1));
        a_.mov(context(segment == FS ? offsetof(VcpuContext, odd_fs) : offsetof(VcpuContext, odd_gs), 1), x86::r10b);
    }
    // SegmentRegister is 12 bytes: r9 = 3 * index, scaled by 4.
    static_assert(sizeof(SegmentRegister) == 12);
    a_.lea(x86::r9, x86::ptr(x86::r9, x86::r9, 1));
    const size_t value = offsetof(VcpuContext, segments.value);
    a_.mov(x86::r10, slot(value, 2));
    a_.mov(context(register_offset(segment)), x86::r10);
    a_.mov(x86::r10d, slot(value + 8, 2));
    a_.mov(context(register_offset(segment) + 8), x86::r10d);
}

Emit::After Emit::emit_mov_segment(const Instruction& i) {
    if (i.op(0).kind != OperandKind::Segment) {
        const Operand& to = i.op(0);
        if (to.kind != OperandKind::Gpr || to.size != 4) return emit_step(i);
        ++block_->simulated;
        a_.movzx(host32(to.reg), selector_of(i.op(1).reg));
        return After::GoesOn;
    }
    const unsigned segment = i.op(0).reg;
    if (!loads_from_cache(segment)) return emit_step(i);
    if (i.op(1).kind == OperandKind::Memory) {
        if (!linear_address(i)) return emit_step(i);
        a_.movzx(x86::r8d, guest_memory(2, Access::Read).cloneResized(2));
    } else {
        a_.movzx(x86::r8d, host16(i.op(1).reg));
    }
    ++block_->simulated;
    load_segment(i, segment);
    return After::GoesOn;
}

Emit::After Emit::emit_push_segment(const Instruction& i) {
    if (i.operand_size != 4) return emit_step(i);
    ++block_->simulated;
    push_dword([this, &i](const x86::Mem& to) {
        a_.movzx(x86::r10d, selector_of(i.op(0).reg));
        a_.mov(to, x86::r10d);
    });
    return After::GoesOn;
}

Emit::After Emit::emit_pop_segment(const Instruction& i) {
    if (i.operand_size != 4 || !loads_from_cache(i.op(0).reg)) return emit_step(i);
    ++block_->simulated;
    a_.mov(kLinear, x86::r12d);
    a_.movzx(x86::r8d, guest_memory(4, Access::Read).cloneResized(2));
    load_segment(i, i.op(0).reg);
    a_.lea(x86::r12d, x86::ptr(x86::r12, 4));
    return After::GoesOn;
}

}  // namespace ringfold
