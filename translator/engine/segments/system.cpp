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
    if (to.kind == OperandKind::Segment) return load_segment(i, to.reg);
    if (to.kind != OperandKind::Gpr) return step(i);
    ++block_->simulated;
    const x86::Mem from = selector(i.op(1).reg);
    to.size == 2 ? a_.mov(x86::gpw(to.reg), from.cloneResized(2)) : a_.mov(x86::gpd(to.reg), from);
    return After::GoesOn;
}

Emitter::After Emitter::push_segment(const Instruction& i) {
    if (!direct_ && (!reaches_top() || i.operand_size != 4)) return step(i);
    ++block_->simulated;
    const x86::Mem from = selector(i.op(0).reg);
    if (direct_) {
        a_.push(from.cloneResized(i.operand_size));
        return After::GoesOn;
    }
    require_top([&] { a_.lea(x86::ecx, x86::ptr(x86::esp, -4)); });
    set_aside(EAX);
    undo_from_here(EAX);
    a_.mov(x86::eax, from);
    a_.mov(top_stack(-4), x86::eax);
    take_back(EAX);
    a_.lea(x86::esp, x86::ptr(x86::esp, -4));
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
    if (i.operand_size != 4 || !flat() || (!direct_ && !reaches_top())) return step(i);
    ++block_->simulated;
    const x86::Gp &value = x86::eax, &bit = x86::ecx;
    if (direct_) a_.push(x86::eax);  // may fault, before anything is changed
    else require_top([&] { a_.lea(x86::ecx, x86::ptr(x86::esp, -4)); });
    set_aside(EAX);
    set_aside(ECX);
    a_.lahf();
    a_.seto(x86::al);
    a_.movzx(bit, x86::ah);
    a_.movzx(value, x86::al);
    a_.rorx(value, value, 32 - 11);
    a_.lea(value, x86::ptr(value, bit));
    const auto add = [&](const x86::Mem& flag, uint8_t position) {
        a_.movzx(bit, flag);
        a_.rorx(bit, bit, 32 - position);
        a_.lea(value, x86::ptr(value, bit));
    };
    add(STATE_SIZED(cpu.interrupt_flag, 1), 9);
    add(STATE_SIZED(cpu.direction_flag, 1), 10);
    a_.mov(bit, STATE(cpu.system_flags));
    a_.lea(value, x86::ptr(value, bit));
    take_back(ECX);
    if (direct_) {
        a_.mov(x86::ptr(x86::esp), value);
        take_back(EAX);
        return After::GoesOn;
    }
    undo_from_here(EAX);
    a_.mov(top_stack(-4), value);
    take_back(EAX);
    a_.lea(x86::esp, x86::ptr(x86::esp, -4));
    return After::GoesOn;
}

Emitter::After Emitter::direction(bool down) {
    ++block_->simulated;
    a_.mov(STATE_SIZED(cpu.direction_flag, 1), down ? 1 : 0);
    down ? a_.std() : a_.cld();
    return After::GoesOn;
}

// MOV and POP, by the cache of descriptors loaded lately. DS and ES that are flat need no other host selector. What the cache
// does not hold, and every load of SS, is the interpreter's.
Emitter::After Emitter::load_segment(const Instruction& i, unsigned segment) {
    const bool pops = i.mnemonic == ZYDIS_MNEMONIC_POP_SEGMENT;
    const bool in_memory = !pops && i.op(1).kind == OperandKind::Memory;
    if (!flat() || segment == SS || i.operand_size != 4 || (pops && !direct_ && !reaches_top()) || (in_memory && !plain(i))) return step(i);
    ++block_->simulated;
    const bool must_be_flat = segment == DS || segment == ES;
    const auto slot = [](size_t array, unsigned shift, uint32_t size) {
        x86::Mem m = x86::ptr(uint64_t{array}, x86::ecx, shift, size);
        m.setSegment(x86::gs);
        return m;
    };
    const auto index = [this] {
        a_.rorx(x86::ecx, x86::eax, 3);
        a_.movzx(x86::ecx, x86::cl);
    };
    const asmjit::Label hit = a_.newLabel(), miss = a_.newLabel();
    if (pops && !direct_) require_top([&] { a_.mov(x86::ecx, x86::esp); });
    for (const unsigned r : {EAX, ECX, EDX}) set_aside(r);
    if (pops)
        a_.movzx(x86::eax, direct_ ? x86::word_ptr(x86::esp) : top_stack(0).cloneResized(2));
    else if (in_memory)
        copy_as_load_of_eax(i);
    else
        a_.movzx(x86::eax, x86::gpw(i.op(1).reg));
    index();
    a_.mov(x86::ecx, slot(must_be_flat ? offsetof(VcpuContext, segments.flat) : offsetof(VcpuContext, segments.any), 2, 4));
    a_.lea(x86::ecx, x86::ptr(x86::ecx, x86::eax, 0, block_->key.mode.user ? static_cast<int32_t>(SegmentSlots::kUser) : 0));
    a_.jecxz(x86::ecx, hit);
    a_.jmp(miss);
    a_.bind(hit);
    index();
    if (!must_be_flat) {
        a_.movzx(x86::edx, slot(offsetof(VcpuContext, segments.odd), 0, 1));
        a_.mov(segment == FS ? STATE_SIZED(odd_fs, 1) : STATE_SIZED(odd_gs, 1), x86::dl);
    }
    static_assert(sizeof(SegmentRegister) == 12);
    a_.lea(x86::ecx, x86::ptr(x86::ecx, x86::ecx, 1));
    const auto held = static_cast<uint32_t>(offsetof(VcpuContext, cpu.segment) + segment * sizeof(SegmentRegister));
    for (uint32_t part = 0; part < sizeof(SegmentRegister); part += 4) {
        a_.mov(x86::edx, slot(offsetof(VcpuContext, segments.value) + part, 2, 4));
        a_.mov(state(held + part), x86::edx);
    }
    a_.mov(selector(segment), x86::eax);
    for (const unsigned r : {EDX, ECX, EAX}) take_back(r);
    if (pops) a_.lea(x86::esp, x86::ptr(x86::esp, 4));
    Site& s = site();
    s.instruction = std::make_unique<Instruction>(i);
    cold([this, miss, &s] {
        a_.bind(miss);
        for (const unsigned r : {EDX, ECX, EAX}) take_back(r);
        call_monitor(s, stubs_.step);
    });
    return After::GoesOn;
}

// Inline while nothing but arithmetic flags, DF and, in kernel mode, IF changes. The flags are free: all of them are loaded.
Emitter::After Emitter::popf(const Instruction& i) {
    if (i.operand_size != 4 || !flat() || (!direct_ && !reaches_top())) return step(i);
    ++block_->simulated;
    if (!direct_) require_top([&] { a_.mov(x86::ecx, x86::esp); });
    const bool user = block_->key.mode.user;
    // What stays as it is, and so has to be equal: RF and VM read as zero, and user code cannot change IOPL.
    constexpr uint32_t kUserSystem = flag::TF | flag::NT | flag::AC | flag::ID;
    constexpr uint32_t kSystem = kUserSystem | flag::IOPL | flag::RF | flag::VM | flag::VIF | flag::VIP;
    const asmjit::Label rare = a_.newLabel(), upwards = a_.newLabel(), directed = a_.newLabel();
    set_aside(EAX);
    set_aside(ECX);
    a_.mov(x86::eax, direct_ ? x86::dword_ptr(x86::esp) : top_stack(0));
    a_.mov(x86::ecx, x86::eax);
    a_.and_(x86::ecx, user ? kUserSystem : kSystem);
    a_.cmp(x86::ecx, STATE(cpu.system_flags));  // with an IOPL other than 0, the interpreter is asked
    a_.jne(rare);
    if (!user) {
        a_.bt(x86::eax, 9);
        a_.setc(x86::cl);
        a_.test(STATE_SIZED(irq_asserted, 1), x86::cl);
        a_.jnz(rare);  // an interrupt will be taken
        a_.mov(STATE_SIZED(cpu.interrupt_flag, 1), x86::cl);
    }
    a_.bt(x86::eax, 10);
    a_.setc(STATE_SIZED(cpu.direction_flag, 1));
    a_.jnc(upwards);
    a_.std();
    a_.jmp(directed);
    a_.bind(upwards);
    a_.cld();
    a_.bind(directed);
    a_.mov(x86::ecx, x86::eax);
    a_.mov(x86::ah, x86::al);
    a_.shr(x86::ecx, 11);
    a_.mov(x86::al, x86::cl);
    a_.and_(x86::al, 1);
    a_.add(x86::al, 0x7f);  // overflows if OF is to be set; SAHF leaves it
    a_.sahf();
    take_back(ECX);
    take_back(EAX);
    a_.lea(x86::esp, x86::ptr(x86::esp, 4));
    Site& s = site();
    s.instruction = std::make_unique<Instruction>(i);
    cold([this, rare, &s] {
        a_.bind(rare);
        take_back(ECX);
        take_back(EAX);
        call_monitor(s, stubs_.step);
    });
    return After::GoesOn;
}

// The guest's counter is the host's and an offset of 64 bits, whose carry needs the flags.
Emitter::After Emitter::rdtsc(const Instruction& i) {
    ++block_->simulated;
    if (block_->key.mode.user) {
        const auto forbidden = [this] {
            a_.mov(x86::ecx, STATE(cpu.cr4));
            a_.pext(x86::ecx, x86::ecx, STATE(time_stamp_disable_mask));
        };
        require_zero_ecx(forbidden, stubs_.step).instruction = std::make_unique<Instruction>(i);
    }
    a_.lahf();
    a_.seto(x86::al);
    a_.mov(spill(EAX), x86::eax);
    a_.rdtsc();
    a_.add(x86::eax, STATE(cpu.tsc_offset));
    a_.adc(x86::edx, state(static_cast<uint32_t>(offsetof(VcpuContext, cpu.tsc_offset)) + 4));
    a_.mov(spill(EDX), x86::eax);
    a_.mov(x86::eax, spill(EAX));
    a_.add(x86::al, 0x7f);
    a_.sahf();
    a_.mov(x86::eax, spill(EDX));
    return After::GoesOn;
}

}  // namespace ringfold::segments
