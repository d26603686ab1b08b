// The two privilege checks that most system instructions begin with.
#pragma once

#include "vmm/base/cpu_state.h"
#include "vmm/base/fault.h"

namespace ringfold::interpreter {

inline void require_ring0(const CpuState& s) {
    if (s.cpl != 0) throw GuestFault::general_protection();
}
// For instructions that real and v86 mode do not have.
inline void require_protected_mode(const CpuState& s) {
    if (!s.protected_mode() || s.v86()) throw GuestFault::undefined();
}

}  // namespace ringfold::interpreter
