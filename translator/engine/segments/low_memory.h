// The low 4 GiB of the process, which are the guest's linear addresses, and the hole at their top, which is the monitor's:
// the vCPU's hot state, reached through %gs alone, and behind it the code cache.
#pragma once

#include <cstddef>
#include <cstdint>

#include "translator/engine/vcpu_context.h"
#include "vmm/base/types.h"

namespace ringfold::segments {

inline constexpr uint64_t kFourGib = uint64_t{1} << 32;
inline constexpr uint32_t kHoleBytes = 64u << 20;
inline constexpr uint32_t kHole = static_cast<uint32_t>(kFourGib - kHoleBytes);

// Offsets in %gs. The context is VcpuContext itself, mapped here a second time.
inline constexpr uint32_t kContextBytes = 0x4000;
inline constexpr uint32_t kJumpTableBytes = 4 * kJumpEntries;
inline constexpr uint32_t kJumpTables = kContextBytes;  // of flat code: the supervisor's, the user's; then of other code
inline constexpr uint32_t kPollPage = kJumpTables + 4 * kJumpTableBytes;   // inaccessible once an event waits
inline constexpr uint32_t kHeat = kPollPage + 0x1000;                      // a counter for each 16 bytes of code cache
inline constexpr uint32_t kHeatBytes = 12u << 20;
inline constexpr uint32_t kStateBytes = kHeat + kHeatBytes;
inline constexpr uint32_t kCode = kHole + kStateBytes;
inline constexpr uint32_t kMostCodeBytes = 48u << 20;
static_assert(sizeof(VcpuContext) <= kContextBytes);
static_assert(kMostCodeBytes / 16 * 4 <= kHeatBytes && uint64_t{kCode} + kMostCodeBytes <= kFourGib);

constexpr uint32_t jump_table(bool user, bool flat) {
    return kJumpTables + (user ? kJumpTableBytes : 0) + (flat ? 0 : 2 * kJumpTableBytes);
}

class LowMemory {
public:
    // Takes the low 4 GiB, which no other part of the process may use. Throws HostError, saying what is in the way.
    explicit LowMemory(const VcpuContext& context);
    ~LowMemory();
    LowMemory(const LowMemory&) = delete;
    LowMemory& operator=(const LowMemory&) = delete;

    // The lowest linear address that the host lets us map.
    uint64_t begin() const { return begin_; }

    static uint32_t& word(uint32_t offset) { return *reinterpret_cast<uint32_t*>(uintptr_t{kHole} + offset); }
    static void poll_page_accessible(bool yes) noexcept;

private:
    void release();

    uint64_t begin_ = 0;
};

}  // namespace ringfold::segments
