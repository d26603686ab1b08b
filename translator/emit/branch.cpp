// Control flow: direct jumps are chained, indirect ones looked up in the jump cache, and CALL and RET are the host's own,
// so that the host's return predictor works for the guest.
#include "translator/emit/emit.h"

namespace ringfold {

using namespace windows;

namespace {

x86::CondCode condition_of(const Instruction& i) {
    // The low four bits of a Jcc opcode, in either form, are the condition of SETcc and CMOVcc.
    return static_cast<x86::CondCode>(i.opcode & 15);
}

}  // namespace

// A load off every critical path. While an event waits it faults, and the monitor takes over with the state before the
// current instruction.
void Emit::poll() {
    a_.mov(x86::r8d, poll_page());
}

bool Emit::chains_to(GuestVirt at) const {
    const bool same_page = at.page() == block_->key.linear().page() && !block_->crosses_page && !may_cross_page(at);
    return same_page || (block_->global && !block_->key.mode.user);
}

asmjit::Label Emit::exit_thunk(GuestVirt target, GuestVirt at, uint32_t segmentation) {
    Link& link = block_->link[block_->links++];
    link.from = block_;
    link.target = target;
    link.segmentation = segmentation;
    link.other_page = at.page() != block_->key.linear().page();
    const asmjit::Label thunk = a_.newLabel();
    cold([this, thunk, &link] {
        a_.bind(thunk);
        link.thunk = static_cast<int32_t>(offset());
        a_.mov(x86::r9, reinterpret_cast<uint64_t>(&link));
        jump_to_stub(stubs_.link);
        while (static_cast<int32_t>(offset()) < link.thunk + static_cast<int32_t>(forwarder_bytes(any_page()))) a_.nop();
    });
    return thunk;
}

void Emit::linked() {
    block_->link[block_->links - 1].patch = offset() - 4;
}

void Emit::go_to(GuestVirt target) {
    if (!chains(target)) return jump_through_slot(target);
    a_.jmp(exit_thunk(target));
    linked();
}

void Emit::branch_if(x86::CondCode condition, GuestVirt target) {
    if (chains(target)) {
        a_.j(condition, exit_thunk(target));
        linked();
        return;
    }
    asmjit::Label taken = a_.newLabel();
    a_.j(condition, taken);
    cold([this, taken, target] {
        a_.bind(taken);
        jump_through_slot(target);
    });
}

// The slot of a known EIP is known, so this is a look-up without the hashing; it holds in whatever address space
// is current, where a patched jump would not.
void Emit::jump_through_slot(GuestVirt target) {
    if (!flat()) return segmented_jump_through_slot(segments().id, target);
    if (any_page()) {
        load_eip(x86::r8d, target);
        return jump_to_stub(stubs_.indirect);
    }
    asmjit::Label hit = a_.newLabel();
    const uint32_t i = JumpCache::index(target.value);
    a_.mov(kSavedRcx, x86::rcx);
    a_.mov(x86::ecx, view(offsetof(View, jumps.negated_eip) + 4 * i));
    a_.lea(x86::ecx, x86::ptr(x86::rcx, static_cast<int32_t>(target.value)));
    a_.jecxz(x86::rcx, hit);
    a_.mov(x86::rcx, kSavedRcx);
    a_.mov(x86::r8d, target.value);
    jump_to_stub(stubs_.indirect);
    a_.bind(hit);
    a_.mov(x86::rcx, kSavedRcx);
    if (block_->key.mode.user) a_.mov(x86::r8d, target.value);
    a_.jmp(view(offsetof(View, jumps.host) + 8 * i));
}

// The jump cache, looked up in line: each site has a jump of its own, which the host predicts on its own. r8d: the
// target EIP. Behind it rcx is the guest's again, and the slot's host address good to jump to or call; at the miss
// label it is still in kSavedRcx. Touches no flags; the tag is the negated EIP, so that adding gives zero on a hit.
Emit::JumpSlot Emit::look_up_jump() {
    if (!flat()) return segmented_look_up_jump();
    const asmjit::Label hit = a_.newLabel(), miss = a_.newLabel();
    jump_index();
    a_.mov(kSavedRcx, x86::rcx);
    a_.mov(x86::ecx, view(offsetof(View, jumps.negated_eip), x86::r9, 2));
    a_.lea(x86::ecx, x86::ptr(x86::rcx, x86::r8));
    a_.jecxz(x86::rcx, hit);
    a_.jmp(miss);
    a_.bind(hit);
    a_.mov(x86::rcx, kSavedRcx);
    return {view(offsetof(View, jumps.host), x86::r9, 3), miss};
}

// r9d = JumpCache::index(r8d).
void Emit::jump_index() {
    a_.rorx(x86::r9d, x86::r8d, 14);
    a_.lea(x86::r9d, x86::ptr(x86::r9, x86::r8, 3));
    a_.shrx(x86::r9d, x86::r9d, kPollEnd.r32());
}

// Hot user code finds nearly all of its targets: a miss is a host fault, and an instruction that has many is guilty.
bool Emit::compares_target() const {
    return compares_ && direct() && block_->key.mode.user;
}

// The look-up where it hardly ever misses; it is a poll too. Until here the instruction must not have changed anything.
x86::Mem Emit::compared_jump() {
    jump_index();
    a_.mov(x86::r10d, view(offsetof(View, jumps.negated_eip), x86::r9, 2));
    a_.lea(x86::r10d, x86::ptr(x86::r10, x86::r8));
    a_.movzx(x86::r10d, zero_check(x86::r10));
    return view(offsetof(View, jumps.host), x86::r9, 3);
}

Emit::After Emit::emit_jump(const Instruction& i) {
    const Operand& op = i.op(0);
    if (op.kind == OperandKind::Relative) {
        const GuestVirt target = near_target(i);
        if (!reaches(i, target)) return emit_stop(i);
        ++block_->simulated;
        if (may_go_back(target)) poll();
        go_to(target);
        return After::Ended;
    }
    if (!goes_to_any(i)) return emit_stop(i);
    if (!compares_target()) poll();
    if (op.kind == OperandKind::Memory) {
        const auto from = operand_memory(i, i.operand_size, Access::Read);
        if (!from) return emit_stop(i);
        i.operand_size == 4 ? a_.mov(x86::r8d, *from) : a_.movzx(x86::r8d, from->cloneResized(2));
    } else {
        i.operand_size == 4 ? a_.mov(x86::r8d, host32(op.reg)) : a_.movzx(x86::r8d, host16(op.reg));
    }
    require_low_target(i);
    ++block_->simulated;
    if (compares_target()) {
        a_.jmp(compared_jump());
        return After::Ended;
    }
    const JumpSlot slot = look_up_jump();
    a_.jmp(slot.host);
    cold([this, slot] {
        a_.bind(slot.miss);
        a_.mov(x86::rcx, kSavedRcx);
        jump_to_stub(stubs_.look_up);
    });
    return After::Ended;
}

Emit::After Emit::emit_jcc(const Instruction& i) {
    const GuestVirt target = near_target(i);
    if (!reaches(i, target)) return emit_stop(i);
    ++block_->simulated;
    if (may_go_back(target)) poll();
    branch_if(condition_of(i), target);
    return After::GoesOn;
}

// LOOP, LOOPE, LOOPNE (E2, E1, E0) and JECXZ (E3).
Emit::After Emit::emit_loop(const Instruction& i) {
    const GuestVirt target = near_target(i);
    if (!reaches(i, target) || (flat() && i.address_size != 4)) return emit_stop(i);
    ++block_->simulated;
    if (may_go_back(target)) poll();
    if (i.address_size == 2) return loop_by_cx(i, target);
    asmjit::Label taken = a_.newLabel(), not_taken = a_.newLabel();
    if (i.opcode == 0xe3) {
        a_.jecxz(x86::ecx, taken);
        a_.jmp(not_taken);
    } else {
        a_.lea(x86::ecx, x86::ptr(x86::rcx, -1));
        asmjit::Label zero = a_.newLabel(), more = a_.newLabel();
        a_.jecxz(x86::ecx, zero);
        a_.jmp(more);
        a_.bind(zero);
        a_.jmp(not_taken);
        a_.bind(more);
        if (i.opcode == 0xe1) a_.jnz(not_taken);
        if (i.opcode == 0xe0) a_.jz(not_taken);
    }
    a_.bind(taken);
    go_to(target);
    a_.bind(not_taken);
    return After::GoesOn;
}

// The guest's return address is on the guest's stack, and the host's goes to the host's. Mostly the call comes back there,
// and goes on in the same block.
Emit::After Emit::call_host(GuestVirt return_eip, std::function<void()> call) {
    if (any_page()) push_page_base();
    call();
    check_return(return_eip);
    if (block_->crosses_page || linear(return_eip).page() != block_->key.linear().page() || options_.profile) {
        go_to(return_eip);
        return After::Ended;
    }
    fpu_loaded_ = false;
    plain_segments_ = 0;
    return After::Returned;
}

// Behind a call, where a RET jumps to whose guest return address, in r8d, may be another.
void Emit::check_return(GuestVirt return_eip) {
    block_->returns.push_back(offset());
    const asmjit::Label match = a_.newLabel(), miss = a_.newLabel();
    if (compares_target()) {  // a miss is a host fault, as an indirect jump's; it is a poll too
        a_.lea(x86::r9d, x86::ptr(x86::r8, static_cast<int32_t>(0u - return_eip.value)));
        a_.movzx(x86::r9d, zero_check(x86::r9));
        return;
    }
    if (!flat()) {
        segmented_check_return(return_eip);
    } else if (any_page()) {
        check_page_base(return_eip);
    } else {
        a_.mov(kSavedRcx, x86::rcx);
        a_.lea(x86::ecx, x86::ptr(x86::r8, static_cast<int32_t>(0u - return_eip.value)));
    }
    a_.jecxz(x86::rcx, match);
    a_.jmp(miss);
    a_.bind(match);
    a_.mov(x86::rcx, kSavedRcx);
    cold([this, miss, return_eip] {
        a_.bind(miss);
        a_.mov(x86::rcx, kSavedRcx);
        if (any_page()) a_.lea(x86::r8d, x86::ptr(x86::r8, static_cast<int32_t>(return_eip.value)));
        jump_to_stub(flat() ? stubs_.return_miss : stubs_.segmented_return_miss);
    });
}

void Emit::push_value(unsigned size, std::function<void(const x86::Mem&)> store) {
    x86::Mem to = stack_memory(-static_cast<int>(size), size, Access::Write);
    to.setSize(size);
    store(to);
    move_stack(-static_cast<int>(size));
}

Emit::After Emit::emit_call(const Instruction& i) {
    const Operand& op = i.op(0);
    const bool relative = op.kind == OperandKind::Relative;
    const GuestVirt target = near_target(i);
    const unsigned size = i.operand_size;
    if (relative ? !reaches(i, target) : !goes_to_any(i)) return emit_stop(i);
    if (!relative && compares_target()) return call_compared(i);
    poll();  // forward ones too: returns do not poll, and a tree of calls may be endless for all practical purposes
    // The push leaves r10 alone when it is direct; a soft one uses all scratch registers.
    const bool in_register = direct();
    const auto keep_target = [&](const x86::Gp& from) {
        in_register ? a_.mov(x86::r10d, from) : a_.mov(context(offsetof(VcpuContext, scratch), 4), from);
    };
    if (op.kind == OperandKind::Memory) {
        const auto from = operand_memory(i, size, Access::Read);
        if (!from) return emit_stop(i);
        size == 4 ? a_.mov(x86::r8d, *from) : a_.movzx(x86::r8d, from->cloneResized(2));
        require_low_target(i);
        keep_target(x86::r8d);
    } else if (!relative && flat()) {
        keep_target(host32(op.reg));
    } else if (!relative) {
        size == 4 ? a_.mov(x86::r8d, host32(op.reg)) : a_.movzx(x86::r8d, host16(op.reg));
        require_low_target(i);
        keep_target(x86::r8d);
    }
    ++block_->simulated;
    push_value(size, [this, size](const x86::Mem& to) {
        size == 4 ? store_eip(to, next_eip_) : void(a_.mov(to, asmjit::Imm(static_cast<int16_t>(next_eip_.value))));
    });
    if (relative) {
        return call_host(next_eip_, [&] { call_target(target); });
    }
    return call_host(next_eip_, [&] {
        in_register ? a_.mov(x86::r8d, x86::r10d) : a_.mov(x86::r8d, context(offsetof(VcpuContext, scratch), 4));
        const JumpSlot slot = look_up_jump();
        a_.call(slot.host);
        const asmjit::Label back = a_.newLabel();
        a_.bind(back);
        cold([this, slot, back] {
            a_.bind(slot.miss);
            a_.mov(x86::rcx, kSavedRcx);
            a_.call(asmjit::Imm(reinterpret_cast<uint64_t>(stubs_.look_up)));
            a_.jmp(back);
        });
    });
}

Emit::After Emit::call_compared(const Instruction& i) {
    const Operand& op = i.op(0);
    if (op.kind == OperandKind::Memory) {
        const auto from = operand_memory(i, 4, Access::Read);
        if (!from) return emit_stop(i);
        a_.mov(x86::r8d, *from);
    } else {
        a_.mov(x86::r8d, host32(op.reg));
    }
    ++block_->simulated;
    const x86::Mem host = compared_jump();
    push_dword([this](const x86::Mem& to) { store_eip(to, next_eip_); });
    return call_host(next_eip_, [&] { a_.call(host); });
}

void Emit::call_target(GuestVirt target) {
    if (chains(target)) {
        a_.call(exit_thunk(target));
        return linked();
    }
    if (!flat()) return segmented_call_through_slot(segments().id, target);
    if (any_page()) {
        load_eip(x86::r8d, target);
        a_.call(asmjit::Imm(reinterpret_cast<uint64_t>(stubs_.indirect)));
        return;
    }
    const uint32_t i = JumpCache::index(target.value);
    const asmjit::Label hit = a_.newLabel(), back = a_.newLabel(), miss = a_.newLabel();
    a_.mov(kSavedRcx, x86::rcx);
    a_.mov(x86::ecx, view(offsetof(View, jumps.negated_eip) + 4 * i));
    a_.lea(x86::ecx, x86::ptr(x86::rcx, static_cast<int32_t>(target.value)));
    a_.jecxz(x86::rcx, hit);
    a_.jmp(miss);
    a_.bind(hit);
    a_.mov(x86::rcx, kSavedRcx);
    if (block_->key.mode.user) a_.mov(x86::r8d, target.value);
    a_.call(view(offsetof(View, jumps.host) + 8 * i));
    a_.bind(back);
    cold([this, target, back, miss] {
        a_.bind(miss);
        a_.mov(x86::rcx, kSavedRcx);
        a_.mov(x86::r8d, target.value);
        a_.call(asmjit::Imm(reinterpret_cast<uint64_t>(stubs_.look_up)));
        a_.jmp(back);
    });
}

Emit::After Emit::emit_ret(const Instruction& i) {
    if (!goes_to_any(i)) return emit_stop(i);
    ++block_->simulated;
    const auto popped = static_cast<int32_t>(i.operand_size + (i.operand_count ? i.immediate & 0xffff : 0));
    if (!flat()) return segmented_ret(i, popped);
    a_.mov(x86::r8d, stack_memory(0, 4, Access::Read));
    move_stack(popped);
    a_.ret();
    return After::Ended;
}

}  // namespace ringfold
