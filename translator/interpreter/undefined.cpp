// #UD: undefined encodings, instructions that the CPU model lacks, and UD2.
#include "translator/interpreter/handlers.h"

namespace ringfold::interpreter {

void undefined(Interpreter&, const Instruction&) {
    throw GuestFault::undefined();
}

}  // namespace ringfold::interpreter
