// Segmentation of the code that runs now, by what the segment registers hold.
#pragma once

#include <array>
#include <map>
#include <optional>

#include "translator/cache/mode.h"
#include "translator/engine/vcpu_context.h"
#include "vmm/base/cpu_state.h"

namespace ringfold {

// Gives ids. That of a code segment in real or virtual-8086 mode whose base and limit are the usual ones is computed
// from its selector (translated far returns do so too); all others get a number when they are first met.
class SegmentationTable {
public:
    // Of code that is not flat. nullopt: none that is translated (CS holds no code, or too many ids were given).
    std::optional<Segmentation> of(const CpuState&);

private:
    struct Key {
        uint32_t base, limit, bits;
        auto operator<=>(const Key&) const = default;
    };
    static constexpr size_t kMost = 1 << 20;

    std::map<Key, uint32_t> ids_;
    Key last_{};
    Segmentation last_answer_{};
};

// The id of usual real-mode code: this, and the selector in its low 16 bits.
uint32_t real_segmentation_id(bool stack16, bool sse, bool user);

inline constexpr uint32_t kRealSegmentation = 1u << 30;
inline bool is_real_segmentation(uint32_t id) {
    return id & kRealSegmentation;
}

// What translated code checks and adds, from the segment registers.
void refresh_segment_checks(VcpuContext&);
SegmentChecks segment_checks(const SegmentRegister&, bool real);

}  // namespace ringfold
