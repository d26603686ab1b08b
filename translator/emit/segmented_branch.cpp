// Near control flow in code that is not flat: EIP is an offset in CS, and means a place only together with the block's
// segmentation. Jump cache and host return stack know both.
#include <bit>

#include "translator/emit/emit.h"

namespace ringfold {

using namespace windows;

GuestVirt Emit::near_target(const Instruction& i) const {
    const GuestVirt target = next_eip_ + i.immediate;
    return i.operand_size == 2 ? GuestVirt(target.value & 0xffff) : target;
}

// May the block go to that target without a look at the limit of CS? Otherwise the branch is the interpreter's.
bool Emit::reaches(const Instruction& i, GuestVirt target) const {
    if (flat()) return i.operand_size == 4;
    return target.value <= std::min(segments().code_limit, segments().code16 ? 0xffffu : ~0u);
}

// The same for a target that is not known yet. 32 bits of it need require_low_target() in 16-bit code.
bool Emit::goes_to_any(const Instruction& i) const {
    if (flat()) return i.operand_size == 4;
    return segments().code_limit >= (i.operand_size == 2 || segments().code16 ? 0xffff : ~0u);
}

// r8d: a target of the instruction's size. EIP above 64 KiB is the interpreter's, in 16-bit code, and mostly a #GP.
void Emit::require_low_target(const Instruction& i) {
    if (flat() || i.operand_size == 2 || !segments().code16) return;
    const asmjit::Label low = a_.newLabel(), high = a_.newLabel();
    a_.mov(kSavedRcx, x86::rcx);
    a_.rorx(x86::ecx, x86::r8d, 16);
    a_.movzx(x86::ecx, x86::cx);
    a_.jecxz(x86::rcx, low);
    a_.jmp(high);
    a_.bind(low);
    a_.mov(x86::rcx, kSavedRcx);
    interpreted_at(high, stubs_.stop);
}

// As look_up_jump(), for a target that is known.
Emit::JumpSlot Emit::segmented_slot(uint32_t id, GuestVirt target) {
    const asmjit::Label hit = a_.newLabel(), missed = a_.newLabel();
    const uint32_t i = SegmentedJumpCache::index(id, target.value);
    a_.mov(kSavedRcx, x86::rcx);
    a_.mov(x86::rcx, SegmentedJumpCache::tag(id, target.value));
    a_.mov(x86::r9, view(offsetof(View, segmented_jumps.negated_tag) + 8 * i));
    a_.lea(x86::rcx, x86::ptr(x86::rcx, x86::r9));
    a_.jecxz(x86::rcx, hit);
    a_.jmp(missed);
    a_.bind(hit);
    a_.mov(x86::rcx, kSavedRcx);
    return {view(offsetof(View, segmented_jumps.host) + 8 * i), missed};
}

void Emit::segmented_jump_through_slot(uint32_t id, GuestVirt target) {
    const JumpSlot slot = segmented_slot(id, target);
    a_.jmp(slot.host);
    cold([this, target, slot] {
        a_.bind(slot.miss);
        a_.mov(x86::rcx, kSavedRcx);
        a_.mov(x86::r8d, target.value);
        jump_to_stub(stubs_.look_up);
    });
}

void Emit::segmented_call_through_slot(uint32_t id, GuestVirt target) {
    const JumpSlot slot = segmented_slot(id, target);
    const asmjit::Label back = a_.newLabel();
    a_.call(slot.host);
    a_.bind(back);
    cold([this, target, slot, back] {
        a_.bind(slot.miss);
        a_.mov(x86::rcx, kSavedRcx);
        a_.mov(x86::r8d, target.value);
        a_.call(asmjit::Imm(reinterpret_cast<uint64_t>(stubs_.look_up)));
        a_.jmp(back);
    });
}

// As look_up_jump().
Emit::JumpSlot Emit::segmented_look_up_jump() {
    const asmjit::Label hit = a_.newLabel(), miss = a_.newLabel();
    const uint32_t id = segments().id;
    a_.lea(x86::r10d, x86::ptr(static_cast<uint64_t>(static_cast<int32_t>(std::rotl(id, 6))), x86::r8, 2));
    a_.rorx(x86::r9d, x86::r10d, 14);
    a_.lea(x86::r10d, x86::ptr(x86::r9, x86::r10, 3));
    a_.shrx(x86::r10d, x86::r10d, kPollEnd.r32());
    a_.mov(x86::r9, SegmentedJumpCache::tag(id, 0));
    a_.lea(x86::r9, x86::ptr(x86::r9, x86::r8));
    a_.mov(kSavedRcx, x86::rcx);
    a_.mov(x86::rcx, view(offsetof(View, segmented_jumps.negated_tag), x86::r10, 3));
    a_.lea(x86::rcx, x86::ptr(x86::rcx, x86::r9));
    a_.jecxz(x86::rcx, hit);
    a_.jmp(miss);
    a_.bind(hit);
    a_.mov(x86::rcx, kSavedRcx);
    return {view(offsetof(View, segmented_jumps.host), x86::r10, 3), miss};
}

// LOOP, LOOPE, LOOPNE and JCXZ where CX counts. The upper half of ECX stays.
Emit::After Emit::loop_by_cx(const Instruction& i, GuestVirt target) {
    const asmjit::Label zero = a_.newLabel(), not_taken = a_.newLabel();
    const bool loops = i.opcode != 0xe3;
    if (loops) {
        a_.lea(x86::r9d, x86::ptr(x86::rcx, -1));
        a_.mov(x86::cx, x86::r9w);
    }
    a_.mov(kSavedRcx, x86::rcx);
    a_.movzx(x86::ecx, x86::cx);
    a_.jecxz(x86::rcx, zero);
    a_.mov(x86::rcx, kSavedRcx);
    if (loops) {
        if (i.opcode == 0xe1) a_.jnz(not_taken);
        if (i.opcode == 0xe0) a_.jz(not_taken);
        go_to(target);
        a_.bind(zero);
        a_.mov(x86::rcx, kSavedRcx);
    } else {
        a_.jmp(not_taken);
        a_.bind(zero);
        a_.mov(x86::rcx, kSavedRcx);
        go_to(target);
    }
    a_.bind(not_taken);
    return After::GoesOn;
}

Emit::After Emit::segmented_ret(const Instruction& i, int popped) {
    const x86::Mem from = stack_memory(0, i.operand_size, Access::Read);
    i.operand_size == 4 ? a_.mov(x86::r8d, from) : a_.movzx(x86::r8d, from.cloneResized(2));
    require_low_target(i);
    move_stack(popped);
    a_.mov(x86::r9d, segments().id);
    a_.ret();
    return After::Ended;
}

// Behind a call: rcx, which kSavedRcx keeps, becomes zero if r9d and r8d, where a RET is to lead, are this segmentation
// and this EIP.
void Emit::segmented_check_return(GuestVirt return_eip) {
    a_.rorx(x86::r10, x86::r9, 32);
    a_.lea(x86::r10, x86::ptr(x86::r10, x86::r8));
    a_.mov(kSavedRcx, x86::rcx);
    a_.mov(x86::rcx, 0 - SegmentedJumpCache::tag(segments().id, return_eip.value));
    a_.lea(x86::rcx, x86::ptr(x86::rcx, x86::r10));
}

}  // namespace ringfold
