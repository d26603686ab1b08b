// Breakpoints of DR0 to DR3 (SDM volume 3, 17.2).
#pragma once

#include "vmm/base/cpu_state.h"

namespace ringfold::interpreter {

namespace dr6 {
inline constexpr uint32_t kBreakpoints = 0xf, BD = 1u << 13, BS = 1u << 14, BT = 1u << 15;
}
namespace dr7 {
inline constexpr uint32_t kEnables = 0xff, GD = 1u << 13;
}

inline bool breakpoints_enabled(const CpuState& s) { return s.dr[7] & dr7::kEnables; }

// DR6 bits of the enabled instruction breakpoints at this linear address.
uint32_t code_breakpoints(const CpuState&, GuestVirt);
// The same for the instruction at CS:EIP, unless RF or a MOV SS just before holds them back.
inline uint32_t code_breakpoint_here(const CpuState& s) {
    if (!breakpoints_enabled(s)) [[likely]] return 0;
    if ((s.system_flags & flag::RF) || s.debug_shadow) return 0;
    return code_breakpoints(s, GuestVirt(s.segment[CS].base + s.eip));
}
// Adds the data breakpoints that this access meets to pending_debug.
void note_data_access(CpuState&, GuestVirt, unsigned size, Access);
// The same for an I/O port (only with CR4.DE).
void note_io_access(CpuState&, uint16_t port, unsigned size);
// Could the next data access or port access meet a breakpoint? Then REP instructions stop after each element.
bool data_breakpoints_enabled(const CpuState&);
// Records the causes of a #DB about to be delivered.
void record_debug_cause(CpuState&, uint32_t dr6_bits);

}  // namespace ringfold::interpreter
