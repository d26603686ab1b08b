// Operand access for the handlers: registers, memory through segments, and the stack. Inline, because every
// instruction comes this way. Included at the end of interpreter.h only.
#pragma once

namespace ringfold {

inline uint8_t& byte_register(CpuState& s, unsigned reg) {  // al cl dl bl ah ch dh bh
    return reinterpret_cast<uint8_t*>(&s.gpr[reg & 3])[(reg >> 2) & 1];
}

inline uint32_t read_gpr(const CpuState& s, unsigned reg, unsigned size) {
    switch (size) {
        case 1: return byte_register(const_cast<CpuState&>(s), reg);
        case 2: return static_cast<uint16_t>(s.gpr[reg & 7]);
        default: return s.gpr[reg & 7];
    }
}

inline void write_gpr(CpuState& s, unsigned reg, unsigned size, uint32_t value) {
    switch (size) {
        case 1: byte_register(s, reg) = static_cast<uint8_t>(value); break;
        case 2: s.gpr[reg & 7] = (s.gpr[reg & 7] & 0xffff0000) | (value & 0xffff); break;
        default: s.gpr[reg & 7] = value; break;
    }
}

inline uint32_t Interpreter::effective_address(const Instruction& i) const {
    const MemoryOperand& m = i.memory;
    uint32_t a = static_cast<uint32_t>(m.displacement);
    if (m.base != kNoRegister) a += state_.gpr[m.base];
    if (m.index != kNoRegister) a += state_.gpr[m.index] * m.scale;
    return m.address_size == 2 ? a & 0xffff : a;
}

inline GuestVirt Interpreter::operand_address(const Instruction& i, Access access) {
    return linear(i.memory.segment, effective_address(i), i.memory.size, access);
}

inline uint32_t Interpreter::load(GuestVirt a, unsigned size) {
    const Privilege p = state_.privilege();
    switch (size) {
        case 1: return memory_.read<uint8_t>(a, p);
        case 2: return memory_.read<uint16_t>(a, p);
        default: return memory_.read<uint32_t>(a, p);
    }
}

inline void Interpreter::store(GuestVirt a, unsigned size, uint32_t value) {
    const Privilege p = state_.privilege();
    switch (size) {
        case 1: return memory_.write<uint8_t>(a, static_cast<uint8_t>(value), p);
        case 2: return memory_.write<uint16_t>(a, static_cast<uint16_t>(value), p);
        default: return memory_.write<uint32_t>(a, value, p);
    }
}

inline GuestVirt Interpreter::modify_address(const Instruction& i) {
    const GuestVirt a = operand_address(i, Access::Write);
    const Privilege p = state_.privilege();
    if (!SoftTlb::hits(memory_.view(p).tlb.write_bias[SoftTlb::index(a)], a, i.memory.size))
        memory_.check_write(a, i.memory.size, p);
    return a;
}

inline uint32_t Interpreter::read_operand(const Instruction& i, int n) {
    const Operand& op = i.op(n);
    switch (op.kind) {
        case OperandKind::Gpr: return read_gpr(state_, op.reg, op.size);
        case OperandKind::Memory: return load(operand_address(i, Access::Read), op.size);
        case OperandKind::Segment: return state_.segment[op.reg].selector;
        default: return i.immediate;
    }
}

inline void Interpreter::write_operand(const Instruction& i, int n, uint32_t value) {
    const Operand& op = i.op(n);
    if (op.kind == OperandKind::Gpr)
        write_gpr(state_, op.reg, op.size, value);
    else
        store(operand_address(i, Access::Write), op.size, value);
}

inline uint32_t Interpreter::read(unsigned segment, uint32_t offset, unsigned size) {
    return load(linear(segment, offset, size, Access::Read), size);
}

inline void Interpreter::write(unsigned segment, uint32_t offset, unsigned size, uint32_t value) {
    store(linear(segment, offset, size, Access::Write), size, value);
}

// The bits of ESP that SS.B lets the stack use.
inline uint32_t stack_mask(const CpuState& s) {
    return s.segment[SS].big() ? 0xffffffff : 0xffff;
}

inline void set_stack_pointer(CpuState& s, uint32_t value) {
    const uint32_t mask = stack_mask(s);
    s.gpr[ESP] = (s.gpr[ESP] & ~mask) | (value & mask);
}

inline void Interpreter::push(uint32_t value, unsigned size) {
    const uint32_t top = (state_.gpr[ESP] - size) & stack_mask(state_);
    write(SS, top, size, value);
    set_stack_pointer(state_, top);
}

inline uint32_t Interpreter::pop(unsigned size) {
    const uint32_t top = state_.gpr[ESP] & stack_mask(state_);
    const uint32_t value = read(SS, top, size);
    set_stack_pointer(state_, top + size);
    return value;
}

}  // namespace ringfold
