// Control flow: direct jumps are chained; CALL pushes the guest's return address like any other; RET and indirect jumps go
// through the jump table of their privilege.
#include "translator/engine/segments/emitter.h"

namespace ringfold::segments {

// A store that faults while an event waits; the monitor takes over with the state before the current instruction.
void Emitter::poll() {
    a_.mov(state(kPollPage), x86::eax);
}

bool Emitter::chains(GuestVirt target) const {
    const bool same_page = target.page() == block_->key.eip.page() && !block_->crosses_page;
    return same_page || (block_->global && !block_->key.mode.user);
}

asmjit::Label Emitter::exit_thunk(GuestVirt target) {
    Link& link = block_->link[block_->links++];
    link.from = block_;
    link.target = target;
    link.other_page = target.page() != block_->key.eip.page();
    const asmjit::Label thunk = a_.newLabel();
    cold([this, thunk, &link] {
        a_.bind(thunk);
        link.thunk = static_cast<int32_t>(offset());
        name_subject(&link);
        jump_to_stub(stubs_.link);
    });
    return thunk;
}

void Emitter::linked() {
    block_->link[block_->links - 1].patch = offset() - 4;
}

void Emitter::go_to(GuestVirt target) {
    if (!chains(target)) return jump_through_slot(target);
    a_.long_().jmp(exit_thunk(target));
    linked();
}

// It holds in whatever address space is current, where a patched jump would not.
void Emitter::jump_through_slot(GuestVirt target) {
    set_aside(EAX);
    set_aside(ECX);
    a_.mov(x86::ecx, target.value);
    a_.jmp(state(jump_table(block_->key.mode.user) + 4 * JumpCache::index(target.value)));
}

// The entry's number, as JumpCache::index() has it, without touching a flag.
void Emitter::jump_to_ecx() {
    a_.rorx(x86::eax, x86::ecx, 14);
    a_.lea(x86::eax, x86::ptr(x86::eax, x86::ecx, 3));
    a_.pext(x86::eax, x86::eax, STATE(segments_state.jump_mask));
    x86::Mem entry = x86::ptr(uint64_t{jump_table(block_->key.mode.user)}, x86::eax, 2, 4);
    entry.setSegment(x86::gs);
    a_.jmp(entry);
}

// eax and ecx set aside, ecx = what the operand says. Declines (false) before anything is emitted.
bool Emitter::load_target(const Instruction& i) {
    const Operand& op = i.op(0);
    const MemoryOperand& m = i.memory;
    if (op.kind == OperandKind::Memory && (!plain(i) || m.address_size != 4)) return false;
    set_aside(EAX);
    set_aside(ECX);
    if (op.kind != OperandKind::Memory) {
        a_.mov(x86::ecx, x86::gpd(op.reg));
        return true;
    }
    const unsigned shift = m.scale == 8 ? 3 : m.scale == 4 ? 2 : m.scale == 2 ? 1 : 0;
    x86::Mem from;
    if (m.base != kNoRegister && m.index != kNoRegister)
        from = x86::ptr(x86::gpd(m.base), x86::gpd(m.index), shift, m.displacement, 4);
    else if (m.base != kNoRegister)
        from = x86::ptr(x86::gpd(m.base), m.displacement, 4);
    else if (m.index != kNoRegister)
        from = x86::ptr(uint64_t{static_cast<uint32_t>(m.displacement)}, x86::gpd(m.index), shift, 4);
    else
        from = x86::ptr(uint64_t{static_cast<uint32_t>(m.displacement)}, 4);
    a_.mov(x86::ecx, from);
    return true;
}

Emitter::After Emitter::jump(const Instruction& i) {
    if (i.operand_size != 4) return stop(i);
    if (i.op(0).kind == OperandKind::Relative) {
        ++block_->simulated;
        const GuestVirt target = next_eip_ + i.immediate;
        if (target <= eip_) poll();
        go_to(target);
        return After::Ended;
    }
    poll();
    if (!load_target(i)) return stop(i);
    ++block_->simulated;
    jump_to_ecx();
    return After::Ended;
}

Emitter::After Emitter::jcc(const Instruction& i) {
    if (i.operand_size != 4) return stop(i);
    ++block_->simulated;
    const GuestVirt target = next_eip_ + i.immediate;
    if (target <= eip_) poll();
    const auto condition = static_cast<x86::CondCode>(i.opcode & 15);
    if (chains(target)) {
        a_.long_().j(condition, exit_thunk(target));
        linked();
        return After::GoesOn;
    }
    const asmjit::Label taken = a_.newLabel();
    a_.j(condition, taken);
    cold([this, taken, target] {
        a_.bind(taken);
        jump_through_slot(target);
    });
    return After::GoesOn;
}

// LOOP, LOOPE, LOOPNE (E2, E1, E0) and JECXZ (E3).
Emitter::After Emitter::loop(const Instruction& i) {
    if (i.operand_size != 4 || i.address_size != 4) return stop(i);
    ++block_->simulated;
    const GuestVirt target = next_eip_ + i.immediate;
    if (target <= eip_) poll();
    const asmjit::Label taken = a_.newLabel(), not_taken = a_.newLabel();
    if (i.opcode == 0xe3) {
        a_.jecxz(x86::ecx, taken);
        a_.jmp(not_taken);
    } else {
        const asmjit::Label zero = a_.newLabel(), more = a_.newLabel();
        a_.lea(x86::ecx, x86::ptr(x86::ecx, -1));
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

Emitter::After Emitter::call(const Instruction& i) {
    if (i.operand_size != 4 || !direct_) return stop(i);
    poll();
    const bool relative = i.op(0).kind == OperandKind::Relative;
    if (!relative && !load_target(i)) return stop(i);
    ++block_->simulated;
    if (!relative) undo_from_here(ECX);
    a_.push(asmjit::Imm(static_cast<int32_t>(next_eip_.value)));
    relative ? go_to(next_eip_ + i.immediate) : jump_to_ecx();
    return After::Ended;
}

Emitter::After Emitter::ret(const Instruction& i) {
    if (i.operand_size != 4 || !direct_) return stop(i);
    ++block_->simulated;
    poll();  // code that pushes what it returns to may go round in circles
    set_aside(EAX);
    set_aside(ECX);
    a_.pop(x86::ecx);
    if (i.operand_count && (i.immediate & 0xffff)) a_.lea(x86::esp, x86::ptr(x86::esp, static_cast<int32_t>(i.immediate & 0xffff)));
    jump_to_ecx();
    return After::Ended;
}

}  // namespace ringfold::segments
