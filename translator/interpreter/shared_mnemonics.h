// Handlers of system instructions that share a mnemonic with an ordinary one, so that instructions.def, which has
// one row per mnemonic, cannot name them. The ordinary handler (mov, push, pop, jmp, call, ret) or decode()
// passes these encodings on.
#pragma once

#include "translator/interpreter/interpreter.h"

namespace ringfold::interpreter {

void mov_segment(Interpreter&, const Instruction&);   // MOV 8C, 8E: an operand is OperandKind::Segment
void mov_control(Interpreter&, const Instruction&);   // MOV 0F 20, 0F 22: OperandKind::Control
void mov_debug(Interpreter&, const Instruction&);     // MOV 0F 21, 0F 23: OperandKind::Debug
void push_segment(Interpreter&, const Instruction&);  // PUSH with an operand of OperandKind::Segment
void pop_segment(Interpreter&, const Instruction&);   // POP likewise
void jmp_far(Interpreter&, const Instruction&);       // JMP EA and FF /5
void call_far(Interpreter&, const Instruction&);      // CALL 9A and FF /3
void ret_far(Interpreter&, const Instruction&);       // RET CA, CB

}  // namespace ringfold::interpreter
