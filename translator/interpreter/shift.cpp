// Shifts and rotates. The host's own instructions mask the count and leave flags alone where it is zero.
#include "translator/interpreter/handlers.h"
#include "translator/interpreter/host_flags.h"
#include "translator/interpreter/modify.h"

namespace ringfold::interpreter {

namespace {

template <class Op>
void shift(Interpreter& cpu, const Instruction& i) {
    HostFlags flags(cpu.state().arithmetic_flags);
    const auto count = static_cast<uint8_t>(cpu.read_operand(i, 1));
    modify(cpu, i, [&](auto& value) { Op::run(value, count, flags); });
    set_arithmetic_flags(cpu.state(), flags);
}

template <class Op>
void double_shift(Interpreter& cpu, const Instruction& i) {
    HostFlags flags(cpu.state().arithmetic_flags);
    const uint32_t source = cpu.read_operand(i, 1);
    const auto count =
        static_cast<uint8_t>(i.op(2).kind == OperandKind::Immediate ? i.immediate : cpu.state().gpr[ECX]);
    modify_wide(cpu, i, [&]<class T>(T& value) { Op::run(value, static_cast<T>(source), count, flags); });
    set_arithmetic_flags(cpu.state(), flags);
}

}  // namespace

void rol(Interpreter& cpu, const Instruction& i) { shift<Rol>(cpu, i); }
void ror(Interpreter& cpu, const Instruction& i) { shift<Ror>(cpu, i); }
void rcl(Interpreter& cpu, const Instruction& i) { shift<Rcl>(cpu, i); }
void rcr(Interpreter& cpu, const Instruction& i) { shift<Rcr>(cpu, i); }
void shl(Interpreter& cpu, const Instruction& i) { shift<Shl>(cpu, i); }
void shr(Interpreter& cpu, const Instruction& i) { shift<Shr>(cpu, i); }
void sar(Interpreter& cpu, const Instruction& i) { shift<Sar>(cpu, i); }
void shld(Interpreter& cpu, const Instruction& i) { double_shift<Shld>(cpu, i); }
void shrd(Interpreter& cpu, const Instruction& i) { double_shift<Shrd>(cpu, i); }

}  // namespace ringfold::interpreter
