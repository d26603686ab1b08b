// The handlers that instructions.def names, declared from the table itself.
#pragma once

#include "translator/interpreter/interpreter.h"

namespace ringfold::interpreter {

#define ROW(mnemonic, verdict, emit, interpret, why) void interpret(Interpreter&, const Instruction&);
#include "translator/classify/instructions.def"
#undef ROW

}  // namespace ringfold::interpreter
