// Control flow: direct jumps are chained; CALL pushes the guest's return address like any other; RET and indirect jumps go
// through the jump table of their privilege. In code that is not flat EIP is an offset in CS, up to a limit.
#include <algorithm>

#include "translator/engine/segments/emitter.h"

namespace ringfold::segments {

// A store that faults while an event waits; the monitor takes over with the state before the current instruction.
void Emitter::poll() {
    a_.mov(state(kPollPage), x86::eax);
}

bool Emitter::leaves_page(GuestVirt target) const {
    return (target + segments().code_base).page() != block_->key.linear().page();
}

bool Emitter::chains(GuestVirt target) const {
    const bool same_page = !leaves_page(target) && !block_->crosses_page && !may_cross_page(target + segments().code_base);
    return same_page || (block_->global && !block_->key.mode.user);
}

GuestVirt Emitter::near_target(const Instruction& i) const {
    const GuestVirt target = next_eip_ + i.immediate;
    return i.operand_size == 2 ? GuestVirt(target.value & 0xffff) : target;
}

// May the block go to that target without a look at the limit of CS? Otherwise the branch is the interpreter's.
bool Emitter::reaches(const Instruction& i, GuestVirt target) const {
    if (flat()) return i.operand_size == 4;
    return target.value <= std::min(segments().code_limit, segments().code16 ? 0xffffu : ~0u);
}

// The same for a target that is not known yet.
bool Emitter::goes_to_any(const Instruction& i) const {
    if (flat()) return i.operand_size == 4;
    if (i.operand_size == 4 && segments().code16) return false;
    return segments().code_limit >= (i.operand_size == 2 ? 0xffff : ~0u);
}

asmjit::Label Emitter::exit_thunk(GuestVirt target) {
    Link& link = block_->link[block_->links++];
    link.from = block_;
    link.target = target;
    link.other_page = leaves_page(target);
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
    a_.jmp(state(my_jump_table() + 4 * JumpCache::index(target.value)));
}

// The entry's number, as JumpCache::index() has it, without touching a flag.
void Emitter::jump_to_ecx() {
    a_.rorx(x86::eax, x86::ecx, 14);
    a_.lea(x86::eax, x86::ptr(x86::eax, x86::ecx, 3));
    a_.pext(x86::eax, x86::eax, STATE(segments_state.jump_mask));
    x86::Mem entry = x86::ptr(uint64_t{my_jump_table()}, x86::eax, 2, 4);
    entry.setSegment(x86::gs);
    a_.jmp(entry);
}

x86::Mem Emitter::segment_base(unsigned segment) {
    return state(static_cast<uint32_t>(offsetof(VcpuContext, cpu.segment) + segment * sizeof(SegmentRegister) + offsetof(SegmentRegister, base)));
}

// eax and ecx set aside, ecx = what the operand says. Declines (false) before anything is emitted.
bool Emitter::load_target(const Instruction& i) {
    const bool in_memory = i.op(0).kind == OperandKind::Memory;
    const MemoryOperand& m = i.memory;
    const bool through_segment = in_memory && (m.segment == FS || m.segment == GS);
    if (!goes_to_any(i)) return false;
    if (through_segment && (!flat() || !direct_ || m.address_size != 4 || m.index != kNoRegister || m.base == ECX)) return false;
    if (in_memory && !through_segment && !plain(i)) return false;
    if (through_segment) require_zero(m.segment == FS ? STATE_SIZED(odd_fs, 1) : STATE_SIZED(odd_gs, 1), stubs_.stop).instruction = std::make_unique<Instruction>(i);
    set_aside(EAX);
    set_aside(ECX);
    if (through_segment) {  // as glibc makes its system calls
        undo_from_here(ECX);
        a_.mov(x86::ecx, segment_base(m.segment));
        a_.mov(x86::ecx, m.base == kNoRegister ? x86::dword_ptr(x86::ecx, m.displacement) : x86::dword_ptr(x86::gpd(m.base), x86::ecx, 0, m.displacement));
        return true;
    }
    in_memory ? copy_as_load_of_ecx(i) : static_cast<void>(a_.mov(x86::ecx, x86::gpd(i.op(0).reg)));
    if (i.operand_size == 2) a_.movzx(x86::ecx, x86::cx);
    return true;
}

Emitter::After Emitter::jump(const Instruction& i) {
    if (i.op(0).kind == OperandKind::Relative) {
        const GuestVirt target = near_target(i);
        if (!reaches(i, target)) return stop(i);
        ++block_->simulated;
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
    const GuestVirt target = near_target(i);
    if (!reaches(i, target)) return stop(i);
    ++block_->simulated;
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

// LOOP, LOOPE, LOOPNE (E2, E1, E0) and JECXZ (E3). The address size says whether ECX counts or CX.
Emitter::After Emitter::loop(const Instruction& i) {
    const GuestVirt target = near_target(i);
    if (!reaches(i, target)) return stop(i);
    ++block_->simulated;
    const x86::Gp counter = i.address_size == 2 ? x86::Gp(x86::cx) : x86::Gp(x86::ecx);
    if (target <= eip_) poll();
    const asmjit::Label taken = a_.newLabel(), not_taken = a_.newLabel();
    if (i.opcode == 0xe3) {
        a_.jecxz(counter, taken);
        a_.jmp(not_taken);
    } else {
        const asmjit::Label zero = a_.newLabel(), more = a_.newLabel();
        a_.lea(counter, x86::ptr(x86::ecx, -1));
        a_.jecxz(counter, zero);
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

void Emitter::push_return_address(unsigned size) {
    const uint32_t eip = next_eip_.value;
    if (size == 4) {
        a_.push(asmjit::Imm(static_cast<int32_t>(eip)));
        return;
    }
    const uint8_t push_word[] = {0x66, 0x68, static_cast<uint8_t>(eip), static_cast<uint8_t>(eip >> 8)};
    raw(push_word);
}

Emitter::After Emitter::call(const Instruction& i) {
    const bool relative = i.op(0).kind == OperandKind::Relative;
    if (!direct_ || (relative && !reaches(i, near_target(i)))) return stop(i);
    poll();
    if (!relative && !load_target(i)) return stop(i);
    ++block_->simulated;
    if (!relative) undo_from_here(ECX);
    push_return_address(i.operand_size);
    relative ? go_to(near_target(i)) : jump_to_ecx();
    return After::Ended;
}

Emitter::After Emitter::ret(const Instruction& i) {
    if (!direct_ || !goes_to_any(i)) return stop(i);
    ++block_->simulated;
    poll();  // code that pushes what it returns to may go round in circles
    set_aside(EAX);
    set_aside(ECX);
    if (i.operand_size == 4) {
        a_.pop(x86::ecx);
    } else {
        a_.pop(x86::cx);
        a_.movzx(x86::ecx, x86::cx);
    }
    const x86::Gp stack = segments().stack16 ? x86::Gp(x86::sp) : x86::Gp(x86::esp);
    if (i.operand_count && (i.immediate & 0xffff)) a_.lea(stack, x86::ptr(x86::esp, static_cast<int32_t>(i.immediate & 0xffff)));
    jump_to_ecx();
    return After::Ended;
}

}  // namespace ringfold::segments
