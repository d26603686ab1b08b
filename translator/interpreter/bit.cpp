// Bit tests, in registers, in memory and in memory bit strings, bit scans and counts, and CRC32.
#include "translator/interpreter/handlers.h"
#include "translator/interpreter/host_flags.h"
#include "translator/interpreter/modify.h"

namespace ringfold::interpreter {

namespace {

// The register forms take the bit offset modulo the width.
template <class Op>
void change_bit(Interpreter& cpu, const Instruction& i) {
    HostFlags flags(cpu.state().arithmetic_flags);
    const uint32_t bit = cpu.read_operand(i, 1);
    modify_wide(cpu, i, [&]<class T>(T& value) { Op::run(value, static_cast<T>(bit), flags); });
    set_arithmetic_flags(cpu.state(), flags);
}

// The unit that holds the bit: the signed bit offset selects it, in steps of the operand's size.
GuestVirt unit_address(Interpreter& cpu, const Instruction& i, Access access) {
    const unsigned size = i.memory.size;
    const uint32_t raw = cpu.read_operand(i, 1);
    const int32_t bit = size == 2 ? static_cast<int16_t>(raw) : static_cast<int32_t>(raw);
    uint32_t offset = cpu.effective_address(i) + static_cast<uint32_t>((bit >> (size == 2 ? 4 : 5)) * static_cast<int32_t>(size));
    if (i.address_size == 2) offset &= 0xffff;
    return cpu.linear(i.memory.segment, offset, size, access);
}

template <class Op>
uint32_t run_on_unit(uint32_t value, uint32_t bit, unsigned size, HostFlags& flags) {
    auto change = [&]<class T>(T& v) { Op::run(v, static_cast<T>(bit), flags); };
    return size == 2 ? changed<uint16_t>(value, change) : changed<uint32_t>(value, change);
}

template <class Op>
void change_string_bit(Interpreter& cpu, const Instruction& i) {
    HostFlags flags(cpu.state().arithmetic_flags);
    const unsigned size = i.memory.size;
    const uint32_t bit = cpu.read_operand(i, 1) & (size * 8 - 1);
    const GuestVirt a = unit_address(cpu, i, Access::Write);
    cpu.memory().check_write(a, size, cpu.state().privilege());
    cpu.store(a, size, run_on_unit<Op>(cpu.load(a, size), bit, size, flags));
    set_arithmetic_flags(cpu.state(), flags);
}

// A zero source leaves the destination as the host leaves it.
template <class Op>
void scan(Interpreter& cpu, const Instruction& i) {
    HostFlags flags(cpu.state().arithmetic_flags);
    const uint32_t source = cpu.read_operand(i, 1);
    modify_wide(cpu, i, [&]<class T>(T& value) { Op::run(value, static_cast<T>(source), flags); });
    set_arithmetic_flags(cpu.state(), flags);
}

}  // namespace

void bt(Interpreter& cpu, const Instruction& i) {
    HostFlags flags(cpu.state().arithmetic_flags);
    const unsigned size = i.op(0).size;
    run_on_unit<Bt>(cpu.read_operand(i, 0), cpu.read_operand(i, 1), size, flags);
    set_arithmetic_flags(cpu.state(), flags);
}
void bts(Interpreter& cpu, const Instruction& i) { change_bit<Bts>(cpu, i); }
void btr(Interpreter& cpu, const Instruction& i) { change_bit<Btr>(cpu, i); }
void btc(Interpreter& cpu, const Instruction& i) { change_bit<Btc>(cpu, i); }

void bt_string(Interpreter& cpu, const Instruction& i) {
    HostFlags flags(cpu.state().arithmetic_flags);
    const unsigned size = i.memory.size;
    const uint32_t bit = cpu.read_operand(i, 1) & (size * 8 - 1);
    run_on_unit<Bt>(cpu.load(unit_address(cpu, i, Access::Read), size), bit, size, flags);
    set_arithmetic_flags(cpu.state(), flags);
}
void bts_string(Interpreter& cpu, const Instruction& i) { change_string_bit<Bts>(cpu, i); }
void btr_string(Interpreter& cpu, const Instruction& i) { change_string_bit<Btr>(cpu, i); }
void btc_string(Interpreter& cpu, const Instruction& i) { change_string_bit<Btc>(cpu, i); }

void bsf(Interpreter& cpu, const Instruction& i) { scan<Bsf>(cpu, i); }
void popcnt(Interpreter& cpu, const Instruction& i) { scan<Popcnt>(cpu, i); }
void bsr(Interpreter& cpu, const Instruction& i) { scan<Bsr>(cpu, i); }

// The polynomial 11EDC6F41 with its bits reflected, a bit of the source at a time (SDM volume 2, CRC32).
void crc32(Interpreter& cpu, const Instruction& i) {
    constexpr uint32_t kPolynomial = 0x82f63b78;
    uint32_t sum = cpu.read_operand(i, 0) ^ cpu.read_operand(i, 1);
    for (unsigned bit = 0; bit < 8u * i.op(1).size; ++bit) sum = sum >> 1 ^ (sum & 1 ? kPolynomial : 0);
    cpu.write_operand(i, 0, sum);
}

}  // namespace ringfold::interpreter
