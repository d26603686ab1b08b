// The guest's flags, and rax with which alone they can be moved, set aside for a few instructions of a stub.
#pragma once

#include "translator/engine/windows/registers.h"

namespace ringfold::windows {

inline void set_flags_aside(x86::Assembler& a) {
    a.mov(context(offsetof(VcpuContext, aside_rax), 8), x86::rax);
    a.lahf();
    a.seto(x86::al);
    a.mov(context(offsetof(VcpuContext, aside_flags), 2), x86::ax);
}

inline void take_flags_back(x86::Assembler& a) {
    a.movzx(x86::eax, context(offsetof(VcpuContext, aside_flags), 2));
    a.add(x86::al, 0x7f);  // overflows if it was 1
    a.sahf();
    a.mov(x86::rax, context(offsetof(VcpuContext, aside_rax), 8));
}

}  // namespace ringfold::windows
