// Who may use which I/O port.
#pragma once

#include "translator/interpreter/interpreter.h"

namespace ringfold::interpreter {

// Throws #GP(0) unless IOPL or the TSS's I/O permission bitmap lets CPL use these ports (SDM volume 1, 19.5).
void check_io(Interpreter&, uint16_t port, unsigned size);

}  // namespace ringfold::interpreter
