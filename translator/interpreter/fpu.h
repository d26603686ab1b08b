// What MMX and SSE share with the x87: its pending exceptions.
#pragma once

#include "translator/interpreter/native.h"

namespace ringfold::interpreter {

// #MF if an x87 exception is pending and CR0.NE reports it.
void report_pending_x87(CpuState&);

}  // namespace ringfold::interpreter
