// INT n and IRET of real mode in the code cache: the common cases, as host code that every block shares.
//
// As gate_stubs.h: what the CPU reads is read, and until all of it is known nothing changes; whatever else turns up (a
// page that the soft TLB does not hold, a stack that wraps, TF, an event that waits, a target that is not translated)
// is the interpreter's, by a jump to `stop`. Only where the segmentation is real_segmentation_id()'s, with a 16-bit
// stack.
#pragma once

#include <asmjit/x86.h>

namespace ringfold::windows {

// r9: Site*, r11d: the segmentation, r8d: vector, r10d: return EIP.
void emit_real_interrupt(asmjit::x86::Assembler&, const void* stop);
// r9: Site*, r11d: the segmentation.
void emit_real_iret(asmjit::x86::Assembler&, const void* stop);

}  // namespace ringfold::windows
