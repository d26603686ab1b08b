// Where the windows engine keeps the guest's registers, and what the other host registers are for.
#pragma once

#include <asmjit/x86.h>

#include "translator/engine/vcpu_memory.h"

namespace ringfold::windows {

namespace x86 = asmjit::x86;

// Guest ESP lives in r12: its low three bits are those of 4, so ModRM and SIB bytes stay as they are and only a
// REX bit is added.
inline x86::Gp host32(unsigned guest) { return x86::gpd(guest == ESP ? 12u : guest); }
inline x86::Gp host16(unsigned guest) { return x86::gpw(guest == ESP ? 12u : guest); }
inline x86::Gp host64(unsigned guest) { return x86::gpq(guest == ESP ? 12u : guest); }

// r8 to r11 are scratch within one instruction. In a soft access:
inline constexpr auto kLinear = x86::r8d, kIndex = x86::r9d, kTag = x86::r10d;
inline constexpr auto kSavedRcx = x86::r11;  // JRCXZ tests without flags, and borrows rcx for it

// r13: near the end of the page for polls. r14: VcpuContext. r15: the current View.
inline constexpr auto kPollEnd = x86::r13, kContext = x86::r14, kView = x86::r15;

// SHRX takes its count from the low five bits of any register. r14 and r15 are kept at an offset from what they
// point at, so that they serve as the counts that soft accesses need and no register is lost to constants.
inline constexpr int32_t kContextBias = 12;             // shifts out a page offset
inline constexpr int32_t kViewBias = 32 - kTlbBits;     // leaves a soft TLB index
static_assert(alignof(VcpuContext) >= 32 && alignof(View) >= 32);
// An index of the jump cache needs a shift of 32 - kJumpBits; r13 provides it likewise: it is so far before the page's end.
inline constexpr int32_t kPollEndBias = kJumpBits;
static_assert(((kPageSize - kPollEndBias) & 31) == 32 - kJumpBits);

inline x86::Mem context(size_t offset, uint32_t size = 0) {
    return x86::ptr(kContext, static_cast<int32_t>(offset) - kContextBias, size);
}
// What polls read.
inline x86::Mem poll_page() { return x86::ptr(kPollEnd, 0, 4); }
// Faults unless `difference` is 0; and if an event waits.
inline x86::Mem zero_check(const x86::Gp& difference) { return x86::ptr(kPollEnd, difference, 0, kPollEndBias - 1, 1); }
inline x86::Mem view(size_t offset) { return x86::ptr(kView, static_cast<int32_t>(offset) - kViewBias); }
inline x86::Mem view(size_t offset, const x86::Gp& index, uint32_t shift) {
    return x86::ptr(kView, index, shift, static_cast<int32_t>(offset) - kViewBias);
}

}  // namespace ringfold::windows
