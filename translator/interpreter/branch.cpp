// Near control transfers. The limit of CS is checked here, before anything else changes.
#include "translator/interpreter/handlers.h"
#include "translator/interpreter/host_flags.h"

namespace ringfold::interpreter {

namespace {

uint32_t checked_target(Interpreter& cpu, const Instruction& i, uint32_t target) {
    if (i.operand_size == 2) target &= 0xffff;
    if (target > cpu.state().segment[CS].limit) throw GuestFault::general_protection();
    return target;
}

uint32_t target_of(Interpreter& cpu, const Instruction& i) {
    const bool relative = i.op(0).kind == OperandKind::Relative;
    return checked_target(cpu, i, relative ? cpu.next_eip + i.immediate : cpu.read_operand(i, 0));
}

void branch_if(Interpreter& cpu, const Instruction& i, bool taken) {
    if (taken) cpu.next_eip = target_of(cpu, i);
}

uint32_t counter(const CpuState& s, const Instruction& i) {
    return i.address_size == 2 ? s.gpr[ECX] & 0xffff : s.gpr[ECX];
}

// LOOPcc: the counter's width is the address size. A fault at the target leaves the counter alone.
void loop_if(Interpreter& cpu, const Instruction& i, bool holds) {
    CpuState& s = cpu.state();
    const uint32_t left = counter(s, i) - 1;
    const bool zero = i.address_size == 2 ? !(left & 0xffff) : !left;
    branch_if(cpu, i, !zero && holds);
    write_gpr(s, ECX, i.address_size, left);
}

}  // namespace

void jmp(Interpreter& cpu, const Instruction& i) { branch_if(cpu, i, true); }
void jcc(Interpreter& cpu, const Instruction& i) { branch_if(cpu, i, condition(cpu.state(), i.opcode)); }
void jcxz(Interpreter& cpu, const Instruction& i) { branch_if(cpu, i, counter(cpu.state(), i) == 0); }
void loop(Interpreter& cpu, const Instruction& i) { loop_if(cpu, i, true); }
void loope(Interpreter& cpu, const Instruction& i) { loop_if(cpu, i, cpu.state().arithmetic_flags & flag::ZF); }
void loopne(Interpreter& cpu, const Instruction& i) { loop_if(cpu, i, !(cpu.state().arithmetic_flags & flag::ZF)); }

void call(Interpreter& cpu, const Instruction& i) {
    const uint32_t target = target_of(cpu, i);
    cpu.push(cpu.next_eip, i.operand_size);
    cpu.next_eip = target;
}

void ret(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    const uint32_t top = s.gpr[ESP] & stack_mask(s);
    cpu.next_eip = checked_target(cpu, i, cpu.read(SS, top, i.operand_size));
    set_stack_pointer(s, top + i.operand_size + (i.operand_count ? i.immediate & 0xffff : 0));
}

}  // namespace ringfold::interpreter
