// The vCPU's state as translated code of the segments engine reaches it: by %gs, and by nothing else.
#pragma once

#include <asmjit/x86.h>

#include "translator/engine/segments/low_memory.h"

namespace ringfold::segments {

namespace x86 = asmjit::x86;

// At an offset in %gs.
inline x86::Mem state(uint32_t offset, uint32_t size = 4) {
    x86::Mem m = x86::ptr(uint64_t{offset}, size);
    m.setSegment(x86::gs);
    return m;
}
// Where a register is set aside while a sequence borrows it.
inline x86::Mem spill(unsigned reg) {
    return state(static_cast<uint32_t>(offsetof(VcpuContext, segments_state.spill) + 4 * reg));
}

#define STATE(member) state(static_cast<uint32_t>(offsetof(VcpuContext, member)))
#define STATE_SIZED(member, size) state(static_cast<uint32_t>(offsetof(VcpuContext, member)), size)

}  // namespace ringfold::segments
