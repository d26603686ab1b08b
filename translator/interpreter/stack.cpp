// PUSH, POP and their relatives, and the frames of ENTER and LEAVE.
#include "translator/interpreter/handlers.h"

namespace ringfold::interpreter {

void push(Interpreter& cpu, const Instruction& i) {
    cpu.push(cpu.read_operand(i, 0), i.operand_size);
}

// A memory operand addressed by ESP uses its value after the pop; popping ESP itself overrides the increment.
void pop(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    const uint32_t before = s.gpr[ESP];
    const uint32_t value = cpu.pop(i.operand_size);
    try {
        cpu.write_operand(i, 0, value);
    } catch (const GuestFault&) {
        s.gpr[ESP] = before;
        throw;
    }
}

namespace {

// ESP changes at the end only; what was pushed before a fault stays in memory, as on the host.
void push_all(Interpreter& cpu, unsigned size) {
    CpuState& s = cpu.state();
    const uint32_t mask = stack_mask(s);
    for (unsigned r = 0; r < 8; ++r) cpu.write(SS, (s.gpr[ESP] - (r + 1) * size) & mask, size, s.gpr[r]);
    set_stack_pointer(s, s.gpr[ESP] - 8 * size);
}

void pop_all(Interpreter& cpu, unsigned size) {
    CpuState& s = cpu.state();
    const uint32_t mask = stack_mask(s);
    uint32_t value[8];
    for (unsigned n = 0; n < 8; ++n) value[7 - n] = cpu.read(SS, (s.gpr[ESP] + n * size) & mask, size);
    for (unsigned r = 0; r < 8; ++r)
        if (r != ESP) write_gpr(s, r, size, value[r]);
    set_stack_pointer(s, s.gpr[ESP] + 8 * size);
}

}  // namespace

void pusha(Interpreter& cpu, const Instruction&) { push_all(cpu, 2); }
void pushad(Interpreter& cpu, const Instruction&) { push_all(cpu, 4); }
void popa(Interpreter& cpu, const Instruction&) { pop_all(cpu, 2); }
void popad(Interpreter& cpu, const Instruction&) { pop_all(cpu, 4); }

// SDM volume 2, ENTER. The registers change at the end only, so that a fault on the way leaves them alone; what was
// pushed before it stays in memory, as on the host. With a 16-bit stack EBP gets the upper half of ESP, which no push moves.
void enter(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    const uint32_t mask = stack_mask(s);
    const unsigned size = i.operand_size, level = i.immediate2 & 31;
    uint32_t top = s.gpr[ESP];
    auto push_value = [&](uint32_t value) {
        cpu.write(SS, (top - size) & mask, size, value);
        top = (top & ~mask) | ((top - size) & mask);
    };
    push_value(s.gpr[EBP]);
    const uint32_t frame = top;
    uint32_t outer = s.gpr[EBP];
    for (unsigned n = 1; n < level; ++n) {
        outer -= size;
        push_value(cpu.read(SS, outer & mask, size));
    }
    if (level) push_value(frame);
    top -= i.immediate & 0xffff;
    // The new top of the stack is probed for writing, though nothing is written.
    cpu.memory().check_write(cpu.linear(SS, top & mask, size, Access::Write), size, s.privilege());
    write_gpr(s, EBP, size, frame);
    set_stack_pointer(s, top);
}

void leave(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    const unsigned size = i.operand_size;
    const uint32_t frame = s.gpr[EBP] & stack_mask(s);
    const uint32_t value = cpu.read(SS, frame, size);
    set_stack_pointer(s, frame + size);
    write_gpr(s, EBP, size, value);
}

}  // namespace ringfold::interpreter
