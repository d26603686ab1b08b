// The low 4 GiB of the process, which are the guest's linear addresses, and a hole near their top, which is the monitor's:
// the vCPU's hot state, reached through %gs alone, and behind it the code cache. What lies behind the hole is the guest's again:
// kernels have their fixed mappings there, and Linux the stacks that it enters on. Only %gs reaches it, in sequences that look first.
#pragma once

#include <cstddef>
#include <cstdint>

#include "translator/engine/vcpu_context.h"
#include "vmm/base/types.h"

namespace ringfold::segments {

inline constexpr uint64_t kFourGib = uint64_t{1} << 32;

// Offsets in %gs. The context is VcpuContext itself, mapped here a second time.
inline constexpr uint32_t kContextBytes = 0x4000;
inline constexpr uint32_t kJumpTableBytes = 4 * kJumpEntries;
inline constexpr uint32_t kJumpTables = kContextBytes;  // of flat code: the supervisor's, the user's; then of other code
inline constexpr uint32_t kPollPage = kJumpTables + 4 * kJumpTableBytes;   // inaccessible once an event waits
inline constexpr uint32_t kTopPages = kPollPage + 0x1000;                  // a byte for each page of the top: 1: the interpreter's
inline constexpr uint32_t kHeat = kTopPages + 0x1000;                      // a counter for each 16 bytes of code cache
inline constexpr uint32_t kGuardBytes = 64u << 10;                         // behind the code cache: nothing, ever
inline constexpr unsigned kTopBits = 24;                                   // of an address within the top
inline constexpr uint32_t kTopBytes = 1u << kTopBits, kTop = 0u - kTopBytes;
static_assert(sizeof(VcpuContext) <= kContextBytes);

// Where the hole begins, and how it is shared between counters and code cache.
struct Hole {
    explicit Hole(uint32_t bytes)
        : begin(static_cast<uint32_t>(kFourGib - bytes)),
          code_bytes((bytes - kHeat - kGuardBytes - kTopBytes) / 5 * 4 & ~0xfffffu),
          state_bytes(kHeat + code_bytes / 4) {}

    uint32_t begin;
    uint32_t code_bytes;   // at most
    uint32_t state_bytes;
    uint32_t code() const { return begin + state_bytes; }
};

constexpr uint32_t jump_table(bool user, bool flat) {
    return kJumpTables + (user ? kJumpTableBytes : 0) + (flat ? 0 : 2 * kJumpTableBytes);
}

class LowMemory {
public:
    // Takes the low 4 GiB, which no other part of the process may use. Throws HostError, saying what is in the way.
    LowMemory(const VcpuContext& context, const Hole& hole);
    ~LowMemory();
    LowMemory(const LowMemory&) = delete;
    LowMemory& operator=(const LowMemory&) = delete;

    // The lowest linear address that the host lets us map.
    uint64_t begin() const { return begin_; }

    uint32_t hole() const { return hole_.begin; }
    uint32_t& word(uint32_t offset) const { return *reinterpret_cast<uint32_t*>(uintptr_t{hole_.begin} + offset); }

private:
    void release();

    Hole hole_;
    uint64_t begin_ = 0;
};

}  // namespace ringfold::segments
