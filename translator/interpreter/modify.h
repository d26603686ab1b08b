// Read-modify-write of operand 0 in its own width, for the arithmetic families.
#pragma once

#include "translator/interpreter/interpreter.h"

namespace ringfold::interpreter {

// Replaces operand 0 by in_any_width(old value); all faults come before the change.
template <class InAnyWidth>
void replace_operand(Interpreter& cpu, const Instruction& i, InAnyWidth in_any_width) {
    const Operand& op = i.op(0);
    if (op.kind == OperandKind::Gpr) {
        const uint32_t value = in_any_width(read_gpr(cpu.state(), op.reg, op.size));
        write_gpr(cpu.state(), op.reg, op.size, value);
    } else {
        const GuestVirt a = cpu.modify_address(i);
        cpu.store(a, op.size, in_any_width(cpu.load(a, op.size)));
    }
}

template <class T, class Change>
uint32_t changed(uint32_t value, Change& change) {
    T narrow = static_cast<T>(value);
    change(narrow);
    return narrow;
}

// `change` takes a uint16_t& or a uint32_t&: for operations that have no byte form.
template <class Change>
void modify_wide(Interpreter& cpu, const Instruction& i, Change change) {
    replace_operand(cpu, i, [&](uint32_t value) {
        return i.op(0).size == 2 ? changed<uint16_t>(value, change) : changed<uint32_t>(value, change);
    });
}

// `change` takes a uint8_t& too.
template <class Change>
void modify(Interpreter& cpu, const Instruction& i, Change change) {
    replace_operand(cpu, i, [&](uint32_t value) {
        switch (i.op(0).size) {
            case 1: return changed<uint8_t>(value, change);
            case 2: return changed<uint16_t>(value, change);
            default: return changed<uint32_t>(value, change);
        }
    });
}

}  // namespace ringfold::interpreter
