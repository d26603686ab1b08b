// Segment and control registers, and the flags that live in memory: IF, IOPL and their like. DF is also the host's.
#include "translator/engine/segments/emitter.h"

namespace ringfold::segments {

namespace {

x86::Mem selector(unsigned segment) {
    return state(static_cast<uint32_t>(offsetof(VcpuContext, segments_state.selector) + 4 * segment));
}

}  // namespace

Emitter::After Emitter::move_segment(const Instruction& i) {
    const Operand& to = i.op(0);
    if (to.kind != OperandKind::Gpr) return step(i);
    ++block_->simulated;
    const x86::Mem from = selector(i.op(1).reg);
    to.size == 2 ? a_.mov(x86::gpw(to.reg), from.cloneResized(2)) : a_.mov(x86::gpd(to.reg), from);
    return After::GoesOn;
}

Emitter::After Emitter::push_segment(const Instruction& i) {
    if (!direct_) return step(i);
    ++block_->simulated;
    a_.push(selector(i.op(0).reg).cloneResized(i.operand_size));
    return After::GoesOn;
}

Emitter::After Emitter::move_control(const Instruction& i) {
    constexpr uint32_t kOffset[] = {offsetof(VcpuContext, cpu.cr0), 0, offsetof(VcpuContext, cpu.cr2),
                                    offsetof(VcpuContext, cpu.cr3), offsetof(VcpuContext, cpu.cr4)};
    const Operand &to = i.op(0), &from = i.op(1);
    if (block_->key.mode.user || to.kind == OperandKind::Control || from.reg == 1 || from.reg > 4) return stop(i);
    ++block_->simulated;
    a_.mov(x86::gpd(to.reg), state(kOffset[from.reg]));
    return After::GoesOn;
}

// CPL 0 never lacks the privilege; others depend on IOPL, which the interpreter looks at.
Emitter::After Emitter::cli() {
    if (block_->key.mode.user) return step(*current_);
    ++block_->simulated;
    a_.mov(STATE_SIZED(cpu.interrupt_flag, 1), 0);
    return After::GoesOn;
}

// With an interrupt waiting, the interpreter runs STI and the instruction in its shadow.
Emitter::After Emitter::sti(const Instruction& i) {
    if (block_->key.mode.user) return stop(i);
    ++block_->simulated;
    Site& s = require_zero(STATE_SIZED(irq_asserted, 1), stubs_.stop);
    s.instruction = std::make_unique<Instruction>(i);
    a_.mov(STATE_SIZED(cpu.interrupt_flag, 1), 1);
    return After::GoesOn;
}

// The push itself comes first, since it may fault; then what the host's flags do not say is put right on the stack.
Emitter::After Emitter::pushf(const Instruction& i) {
    if (i.operand_size != 4 || !direct_ || !flat()) return step(i);
    ++block_->simulated;
    const x86::Gp &value = x86::eax, &bit = x86::ecx;
    a_.pushfd();
    set_aside(EAX);
    set_aside(ECX);
    a_.mov(value, x86::ptr(x86::esp));
    // AND would change the flags; PEXT and PDEP do not.
    a_.pext(value, value, STATE(arithmetic_mask));
    a_.pdep(value, value, STATE(arithmetic_mask));
    const auto add = [&](const x86::Mem& flag, uint8_t position) {
        a_.movzx(bit, flag);
        a_.rorx(bit, bit, 32 - position);
        a_.lea(value, x86::ptr(value, bit));
    };
    add(STATE_SIZED(cpu.interrupt_flag, 1), 9);
    add(STATE_SIZED(cpu.direction_flag, 1), 10);
    a_.mov(bit, STATE(cpu.system_flags));
    a_.lea(value, x86::ptr(value, bit, 0, static_cast<int32_t>(flag::kAlwaysSet)));
    a_.mov(x86::ptr(x86::esp), value);
    take_back(ECX);
    take_back(EAX);
    return After::GoesOn;
}

Emitter::After Emitter::direction(bool down) {
    ++block_->simulated;
    a_.mov(STATE_SIZED(cpu.direction_flag, 1), down ? 1 : 0);
    down ? a_.std() : a_.cld();
    return After::GoesOn;
}

}  // namespace ringfold::segments
