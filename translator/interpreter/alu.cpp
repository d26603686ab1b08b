// Integer arithmetic and logic, moves and conversions.
#include "translator/interpreter/handlers.h"
#include "translator/interpreter/host_flags.h"
#include "translator/interpreter/modify.h"

namespace ringfold::interpreter {

namespace {

template <class Op>
void binary(Interpreter& cpu, const Instruction& i) {
    HostFlags flags(cpu.state().arithmetic_flags);
    const uint32_t source = cpu.read_operand(i, 1);
    modify(cpu, i, [&]<class T>(T& destination) { Op::run(destination, static_cast<T>(source), flags); });
    set_arithmetic_flags(cpu.state(), flags);
}

// CMP and TEST: operand 0 is only read.
template <class Op>
void compare(Interpreter& cpu, const Instruction& i) {
    HostFlags flags(cpu.state().arithmetic_flags);
    const uint32_t left = cpu.read_operand(i, 0), right = cpu.read_operand(i, 1);
    auto in_width = [&]<class T>(T value) { Op::run(value, static_cast<T>(right), flags); };
    switch (i.op(0).size) {
        case 1: in_width(static_cast<uint8_t>(left)); break;
        case 2: in_width(static_cast<uint16_t>(left)); break;
        default: in_width(left); break;
    }
    set_arithmetic_flags(cpu.state(), flags);
}

template <class Op>
void unary(Interpreter& cpu, const Instruction& i) {
    HostFlags flags(cpu.state().arithmetic_flags);
    modify(cpu, i, [&](auto& value) { Op::run(value, flags); });
    set_arithmetic_flags(cpu.state(), flags);
}

}  // namespace

void add(Interpreter& cpu, const Instruction& i) { binary<Add>(cpu, i); }
void adc(Interpreter& cpu, const Instruction& i) { binary<Adc>(cpu, i); }
void sub(Interpreter& cpu, const Instruction& i) { binary<Sub>(cpu, i); }
void sbb(Interpreter& cpu, const Instruction& i) { binary<Sbb>(cpu, i); }
void alu_and(Interpreter& cpu, const Instruction& i) { binary<And>(cpu, i); }
void alu_or(Interpreter& cpu, const Instruction& i) { binary<Or>(cpu, i); }
void alu_xor(Interpreter& cpu, const Instruction& i) { binary<Xor>(cpu, i); }
void cmp(Interpreter& cpu, const Instruction& i) { compare<Cmp>(cpu, i); }
void test(Interpreter& cpu, const Instruction& i) { compare<Test>(cpu, i); }
void inc(Interpreter& cpu, const Instruction& i) { unary<Inc>(cpu, i); }
void dec(Interpreter& cpu, const Instruction& i) { unary<Dec>(cpu, i); }
void neg(Interpreter& cpu, const Instruction& i) { unary<Neg>(cpu, i); }
void alu_not(Interpreter& cpu, const Instruction& i) { unary<Not>(cpu, i); }

// The source register gets the old destination, unless it is the destination.
void xadd(Interpreter& cpu, const Instruction& i) {
    HostFlags flags(cpu.state().arithmetic_flags);
    const Operand& source = i.op(1);
    const uint32_t addend = read_gpr(cpu.state(), source.reg, source.size);
    uint32_t before = 0;
    modify(cpu, i, [&]<class T>(T& value) {
        before = value;
        Add::run(value, static_cast<T>(addend), flags);
    });
    if (i.op(0).kind == OperandKind::Memory || i.op(0).reg != source.reg)
        write_gpr(cpu.state(), source.reg, source.size, before);
    set_arithmetic_flags(cpu.state(), flags);
}

// Writes the destination in any case, as the manual says: it needs write permission even when they differ.
void cmpxchg(Interpreter& cpu, const Instruction& i) {
    HostFlags flags(cpu.state().arithmetic_flags);
    CpuState& s = cpu.state();
    const unsigned size = i.op(0).size;
    const uint32_t source = cpu.read_operand(i, 1);
    uint32_t found = 0;
    modify(cpu, i, [&]<class T>(T& value) {
        T accumulator = static_cast<T>(s.gpr[EAX]);
        found = value;
        Cmp::run(accumulator, value, flags);
        if (flags.eflags() & flag::ZF) value = static_cast<T>(source);
    });
    if (!(flags.eflags() & flag::ZF)) write_gpr(s, EAX, size, found);
    set_arithmetic_flags(s, flags);
}

void cmpxchg8b(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    const GuestVirt a = cpu.modify_address(i);
    const uint64_t found = cpu.memory().read<uint64_t>(a, s.privilege());
    const uint64_t expected = uint64_t{s.gpr[EDX]} << 32 | s.gpr[EAX];
    const bool equal = found == expected;
    const uint64_t replacement = uint64_t{s.gpr[ECX]} << 32 | s.gpr[EBX];
    cpu.memory().write<uint64_t>(a, equal ? replacement : found, s.privilege());
    if (!equal) {
        s.gpr[EAX] = static_cast<uint32_t>(found);
        s.gpr[EDX] = static_cast<uint32_t>(found >> 32);
    }
    s.arithmetic_flags = (s.arithmetic_flags & ~flag::ZF) | (equal ? flag::ZF : 0);
}

void xchg(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    const int memory = i.op(0).kind == OperandKind::Memory ? 0 : i.op(1).kind == OperandKind::Memory ? 1 : -1;
    if (memory < 0) {
        const uint32_t a = cpu.read_operand(i, 0), b = cpu.read_operand(i, 1);
        cpu.write_operand(i, 0, b);
        cpu.write_operand(i, 1, a);
        return;
    }
    const Operand& reg = i.op(1 - memory);
    const GuestVirt a = cpu.modify_address(i);
    const uint32_t found = cpu.load(a, reg.size);
    cpu.store(a, reg.size, read_gpr(s, reg.reg, reg.size));
    write_gpr(s, reg.reg, reg.size, found);
}

void mov(Interpreter& cpu, const Instruction& i) {
    cpu.write_operand(i, 0, cpu.read_operand(i, 1));
}

void movzx(Interpreter& cpu, const Instruction& i) {
    cpu.write_operand(i, 0, cpu.read_operand(i, 1));
}

void movsx(Interpreter& cpu, const Instruction& i) {
    const uint32_t value = cpu.read_operand(i, 1);
    const int32_t extended = i.op(1).size == 1 ? static_cast<int8_t>(value) : static_cast<int16_t>(value);
    cpu.write_operand(i, 0, static_cast<uint32_t>(extended));
}

void lea(Interpreter& cpu, const Instruction& i) {
    cpu.write_operand(i, 0, cpu.effective_address(i));
}

// A memory source is read, and may fault, whether or not the condition holds.
void cmovcc(Interpreter& cpu, const Instruction& i) {
    const uint32_t value = cpu.read_operand(i, 1);
    if (condition(cpu.state(), i.opcode)) cpu.write_operand(i, 0, value);
}

void setcc(Interpreter& cpu, const Instruction& i) {
    cpu.write_operand(i, 0, condition(cpu.state(), i.opcode));
}

void bswap(Interpreter& cpu, const Instruction& i) {
    uint32_t& r = cpu.state().gpr[i.op(0).reg];
    if (i.operand_size == 4)
        r = __builtin_bswap32(r);
    else  // undefined by the manual: let the host say
        asm("data16 bswap %0" : "+r"(r));
}

void cbw(Interpreter& cpu, const Instruction&) {
    uint32_t& eax = cpu.state().gpr[EAX];
    write_gpr(cpu.state(), EAX, 2, static_cast<uint32_t>(static_cast<int8_t>(eax)));
}
void cwde(Interpreter& cpu, const Instruction&) {
    uint32_t& eax = cpu.state().gpr[EAX];
    eax = static_cast<uint32_t>(static_cast<int16_t>(eax));
}
void cwd(Interpreter& cpu, const Instruction&) {
    write_gpr(cpu.state(), EDX, 2, cpu.state().gpr[EAX] & 0x8000 ? 0xffff : 0);
}
void cdq(Interpreter& cpu, const Instruction&) {
    cpu.state().gpr[EDX] = cpu.state().gpr[EAX] & 0x80000000 ? 0xffffffff : 0;
}

void xlat(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    uint32_t offset = s.gpr[EBX] + (s.gpr[EAX] & 0xff);
    if (i.address_size == 2) offset &= 0xffff;
    write_gpr(s, EAX, 1, cpu.read(i.memory.segment, offset, 1));
}

void bound(Interpreter& cpu, const Instruction& i) {
    const unsigned size = i.op(0).size;
    auto widen = [&](uint32_t v) { return size == 2 ? static_cast<int16_t>(v) : static_cast<int32_t>(v); };
    const GuestVirt a = cpu.operand_address(i, Access::Read);
    const int32_t index = widen(cpu.read_operand(i, 0));
    const int32_t low = widen(cpu.load(a, size)), high = widen(cpu.load(a + size, size));
    if (index < low || index > high) throw GuestFault{Vector::BR, std::nullopt};
}

// --- flags -------------------------------------------------------------------------------------------------------

void lahf(Interpreter& cpu, const Instruction&) {
    byte_register(cpu.state(), 4) = static_cast<uint8_t>(cpu.state().eflags());
}
void sahf(Interpreter& cpu, const Instruction&) {
    constexpr uint32_t kFromAh = flag::SF | flag::ZF | flag::AF | flag::PF | flag::CF;
    uint32_t& f = cpu.state().arithmetic_flags;
    f = (f & ~kFromAh) | (byte_register(cpu.state(), 4) & kFromAh);
}
void clc(Interpreter& cpu, const Instruction&) { cpu.state().arithmetic_flags &= ~flag::CF; }
void stc(Interpreter& cpu, const Instruction&) { cpu.state().arithmetic_flags |= flag::CF; }
void cmc(Interpreter& cpu, const Instruction&) { cpu.state().arithmetic_flags ^= flag::CF; }
void cld(Interpreter& cpu, const Instruction&) { cpu.state().direction_flag = 0; }
void std_(Interpreter& cpu, const Instruction&) { cpu.state().direction_flag = 1; }
void salc(Interpreter& cpu, const Instruction&) {
    write_gpr(cpu.state(), EAX, 1, cpu.state().arithmetic_flags & flag::CF ? 0xff : 0);
}

}  // namespace ringfold::interpreter
