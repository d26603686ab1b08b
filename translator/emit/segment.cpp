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

bool loads_from_cache(unsigned segment) {  // or in real mode, at once
    return segment == DS || segment == ES || segment == FS || segment == GS;
}

}  // namespace

// r8d: the selector. Clobbers r9 to r11.
void Emit::load_segment(const Instruction& i, unsigned segment) {
    if (segments().real) return load_real_segment(i, segment);
    const bool must_be_flat = flat() && (segment == DS || segment == ES);  // flat translations rely on these
    asmjit::Label hit = a_.newLabel(), miss = a_.newLabel();
    a_.rorx(x86::r9d, x86::r8d, 3);
    a_.movzx(x86::r9d, x86::r9b);
    static_assert(SegmentSlots::kSlots == 256, "the index is a byte");
    a_.mov(kSavedRcx, x86::rcx);
    a_.mov(x86::ecx, slot(must_be_flat ? offsetof(VcpuContext, segments.flat) : offsetof(VcpuContext, segments.any), 2));
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
    if (!flat()) {
        a_.mov(x86::r10, slot(offsetof(VcpuContext, segments.read_check), 3));
        a_.mov(context(offsetof(VcpuContext, read_check) + 8 * segment), x86::r10);
        a_.mov(x86::r10, slot(offsetof(VcpuContext, segments.write_check), 3));
        a_.mov(context(offsetof(VcpuContext, write_check) + 8 * segment), x86::r10);
    } else if (!must_be_flat) {
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
        if (flat() && (to.kind != OperandKind::Gpr || to.size != 4)) return emit_step(i);
        if (to.kind == OperandKind::Memory) {
            if (!linear_address(i)) return emit_step(i);
            const x86::Mem at = guest_memory(2, Access::Write);
            a_.mov(x86::r10w, selector_of(i.op(1).reg));
            a_.mov(at, x86::r10w);
            ++block_->simulated;
            return After::GoesOn;
        }
        ++block_->simulated;
        if (to.size == 2) {
            a_.mov(host16(to.reg), selector_of(i.op(1).reg));
            return After::GoesOn;
        }
        a_.movzx(host32(to.reg), selector_of(i.op(1).reg));
        return After::GoesOn;
    }
    const unsigned segment = i.op(0).reg;
    if (!loads_inline(segment)) return emit_step(i);
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
    const unsigned size = i.operand_size;
    if (flat() && size != 4) return emit_step(i);
    ++block_->simulated;
    push_value(size, [this, &i, size](const x86::Mem& to) {
        a_.movzx(x86::r10d, selector_of(i.op(0).reg));
        size == 4 ? a_.mov(to, x86::r10d) : a_.mov(to, x86::r10w);
    });
    return After::GoesOn;
}

Emit::After Emit::emit_pop_segment(const Instruction& i) {
    const unsigned size = i.operand_size;
    if ((flat() && size != 4) || !loads_inline(i.op(0).reg)) return emit_step(i);
    ++block_->simulated;
    if (flat()) {
        a_.mov(kLinear, x86::r12d);
        a_.movzx(x86::r8d, guest_memory(4, Access::Read).cloneResized(2));
    } else {
        a_.movzx(x86::r8d, stack_memory(0, size, Access::Read).cloneResized(2));
    }
    load_segment(i, i.op(0).reg);
    move_stack(static_cast<int>(size));
    return After::GoesOn;
}

// SS in real mode too, where nothing can go wrong, unless an interrupt might come right behind it.
bool Emit::loads_inline(unsigned segment) const {
    if (segment == SS) return segments().real && shadow_is_quiet();
    return loads_from_cache(segment);
}

// r8d: the selector, zero-extended. Clobbers r9 and r11. Limit and type are as they were.
void Emit::load_real_segment(const Instruction& i, unsigned segment) {
    if (!block_->key.mode.user) {  // virtual-8086 mode has no odd ones
        Site& s = require_zero(offsetof(VcpuContext, odd_real) + segment, stubs_.step);
        s.instruction = std::make_unique<Instruction>(i);
    }
    a_.mov(selector_of(segment), x86::r8w);
    a_.rorx(x86::r9d, x86::r8d, 32 - 4);
    a_.mov(context(register_offset(segment) + offsetof(SegmentRegister, base), 4), x86::r9d);
}

// LDS, LES, LFS, LGS: offset and selector by one access, if they lie within a page.
Emit::After Emit::emit_load_far_pointer(const Instruction& i) {
    const unsigned size = i.operand_size;
    const unsigned segment = i.mnemonic == ZYDIS_MNEMONIC_LDS ? DS : i.mnemonic == ZYDIS_MNEMONIC_LES ? ES
                             : i.mnemonic == ZYDIS_MNEMONIC_LFS ? FS : i.mnemonic == ZYDIS_MNEMONIC_LGS ? GS : SS;
    if (flat() || segment == SS || !i.has_memory || !linear_address(i)) return emit_stop(i);
    ++block_->simulated;
    const x86::Mem from = guest_memory(size + 2, Access::Read);
    size == 4 ? a_.mov(x86::r10d, from) : a_.movzx(x86::r10d, from.cloneResized(2));
    a_.mov(context(offsetof(VcpuContext, scratch), 4), x86::r10d);
    a_.movzx(x86::r8d, from.cloneAdjusted(size).cloneResized(2));
    load_segment(i, segment);
    const x86::Mem kept = context(offsetof(VcpuContext, scratch));
    size == 4 ? a_.mov(host32(i.op(0).reg), kept) : a_.mov(host16(i.op(0).reg), kept);
    return After::GoesOn;
}

}  // namespace ringfold
