// What does nothing that a guest can see.
#include "translator/interpreter/handlers.h"

namespace ringfold::interpreter {

void nop(Interpreter&, const Instruction&) {}

// Checked like a load of one byte (SDM volume 2, CLFLUSH), and without effect: the guest's caches are the host's.
void clflush(Interpreter& cpu, const Instruction& i) {
    cpu.read(i.memory.segment, cpu.effective_address(i), 1);
}

}  // namespace ringfold::interpreter
