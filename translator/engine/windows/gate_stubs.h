// INT n, exceptions, IRET, SYSENTER and SYSEXIT in the code cache: the common cases, as host code that every block
// shares.
//
// Each reads what the CPU reads, through the soft TLB of the supervisor's view: gate, descriptors, TSS, stack. It goes
// on only if that is the plain thing: flat segments of ring 0 and 3 in the GDT, marked accessed, no odd flags, no event
// waiting, every page at hand, the target translated. Until all of it is known nothing changes, so whatever else turns
// up is the interpreter's, by a jump to `stop`.
#pragma once

#include <asmjit/x86.h>

namespace ringfold::windows {

enum class GateEvent { SoftwareInterrupt, Exception, ExceptionWithError };

// A software interrupt has r9: Site*, r8d: vector, r10d: return EIP. An exception has vector and error code in
// VcpuContext, and its instruction in CpuState::eip. `otherwise` is where to go on with all registers as they were.
void emit_gate(asmjit::x86::Assembler&, GateEvent, bool from_user, const void* otherwise);
// r9: Site*. From the supervisor, to user or supervisor.
void emit_iret(asmjit::x86::Assembler&, const void* stop);
// r9: Site*. From the user.
void emit_sysenter(asmjit::x86::Assembler&, const void* stop);
// r9: Site*. From the supervisor.
void emit_sysexit(asmjit::x86::Assembler&, const void* stop);

}  // namespace ringfold::windows
