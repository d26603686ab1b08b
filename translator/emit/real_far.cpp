// Far control flow of real and virtual-8086 mode, where CS is a 16-bit code segment like any other there (the id of
// its segmentation is real_segmentation_id()'s): a transfer changes nothing of CS but selector and base, so that the
// target's segmentation follows from its selector.
#include "translator/emit/emit.h"
#include "translator/segmentation.h"

namespace ringfold {

using namespace windows;

namespace {

x86::Mem code_selector() {
    return context(
        offsetof(VcpuContext, cpu.segment) + CS * sizeof(SegmentRegister) + offsetof(SegmentRegister, selector), 2);
}
x86::Mem code_base() {
    return context(offsetof(VcpuContext, cpu.segment) + CS * sizeof(SegmentRegister) + offsetof(SegmentRegister, base),
                   4);
}

constexpr uint32_t kSelectorBits = 0xffff;

}  // namespace

// Is far control flow of this width emitted here?
bool Emit::far_inline(const Instruction& i) const {
    return i.operand_size == 2 && is_real_segmentation(segments().id) && segments().stack16;
}

uint32_t Emit::id_of_selector(uint32_t selector) const {
    return (segments().id & ~kSelectorBits) | selector;
}

void Emit::set_code_segment(uint32_t selector) {
    a_.mov(code_selector(), asmjit::Imm(selector));
    a_.mov(code_base(), asmjit::Imm(static_cast<int32_t>(selector << 4)));
}

// r10d: IP, and CS above it. r8d = IP, r9d = the segmentation there, which becomes the current one.
void Emit::take_far_target() {
    a_.movzx(x86::r8d, x86::r10w);
    a_.rorx(x86::r9d, x86::r10d, 16);
    a_.movzx(x86::r9d, x86::r9w);
    a_.rorx(x86::r10d, x86::r9d, 32 - 4);
    a_.mov(code_selector(), x86::r9w);
    a_.mov(code_base(), x86::r10d);
    a_.lea(x86::r9d, x86::ptr(x86::r9, static_cast<int32_t>(id_of_selector(0))));
}

void Emit::go_to_far(uint32_t selector, GuestVirt target) {
    const GuestVirt at = target + (selector << 4);
    const uint32_t id = id_of_selector(selector);
    if (chains_to(at)) {
        a_.jmp(exit_thunk(target, at, id));
        return linked();
    }
    segmented_jump_through_slot(id, target);
}

void Emit::call_far_target(uint32_t selector, GuestVirt target) {
    const GuestVirt at = target + (selector << 4);
    const uint32_t id = id_of_selector(selector);
    if (chains_to(at)) {
        a_.call(exit_thunk(target, at, id));
        return linked();
    }
    segmented_call_through_slot(id, target);
}

Emit::After Emit::emit_jump_far(const Instruction& i) {
    if (!far_inline(i)) return emit_stop(i);
    if (i.has_memory) {
        poll();
        if (!linear_address(i)) return emit_stop(i);
        a_.mov(x86::r10d, guest_memory(4, Access::Read));
        ++block_->simulated;
        take_far_target();
        jump_to_stub(stubs_.segmented_indirect);
        return After::Ended;
    }
    ++block_->simulated;
    poll();
    set_code_segment(i.immediate2);
    go_to_far(i.immediate2, GuestVirt(i.immediate & 0xffff));
    return After::Ended;
}

Emit::After Emit::emit_call_far(const Instruction& i) {
    if (!far_inline(i)) return emit_stop(i);
    poll();
    const x86::Mem kept = context(offsetof(VcpuContext, scratch), 4);
    if (i.has_memory) {
        if (!linear_address(i)) return emit_stop(i);
        a_.mov(x86::r10d, guest_memory(4, Access::Read));
        a_.mov(kept, x86::r10d);
    }
    ++block_->simulated;
    const uint32_t pair = segments().id << 16 | next_eip_.value;
    push_value(4, [this, pair](const x86::Mem& to) { a_.mov(to, asmjit::Imm(static_cast<int32_t>(pair))); });
    return call_host(next_eip_, [&] {
        if (i.has_memory) {
            a_.mov(x86::r10d, kept);
            take_far_target();
            a_.call(asmjit::Imm(reinterpret_cast<uint64_t>(stubs_.segmented_indirect)));
        } else {
            set_code_segment(i.immediate2);
            call_far_target(i.immediate2, GuestVirt(i.immediate & 0xffff));
        }
    });
}

Emit::After Emit::emit_ret_far(const Instruction& i) {
    if (!far_inline(i)) return emit_stop(i);
    constexpr uint8_t kRetFarImmediate = 0xca;
    const int popped = 4 + (i.opcode == kRetFarImmediate ? static_cast<int>(i.immediate & 0xffff) : 0);
    ++block_->simulated;
    a_.mov(x86::r10d, stack_memory(0, 4, Access::Read));
    move_stack(popped);
    take_far_target();
    a_.ret();
    return After::Ended;
}

}  // namespace ringfold
