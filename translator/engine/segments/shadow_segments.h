// LDT descriptors for guest segments that are not flat: base, type and size as the guest has them, the limit cut where guest
// memory ends. An access that only the cut forbids is a limit violation to the hardware, and the interpreter's affair.
//
// A shadow is made from what the segment register holds, which is what the guest loaded; the guest's descriptor tables are
// read at loads alone, as by hardware.
#pragma once

#include <array>

#include "translator/engine/segments/descriptors.h"
#include "vmm/base/cpu_state.h"

namespace ringfold::segments {

// `real`: in real and virtual-8086 mode every segment is writable. `end`: where the guest's linear addresses end.
HostSegment shadow_of(const SegmentRegister& guest, bool real, uint64_t end);

class ShadowSegments {
public:
    // Asks the host whether 16-bit stacks are to be had. After install_descriptors().
    ShadowSegments();
    bool has_16_bit_stacks() const { return has_16_bit_stacks_; }
    // For DS, ES or SS.
    uint16_t selector(unsigned segment, const SegmentRegister& guest, bool real, uint64_t end);

    // For GS of user code that is not translated: if it can be, by the entry that has the guest's own number, since programs
    // ask GS for that (glibc does, to start a thread). One of 4 GiB is not cut: thread-local memory lies below its base.
    uint16_t selector_at_home(const SegmentRegister& guest, uint64_t end);

    uint64_t written() const { return written_; }

private:
    struct Last {
        SegmentRegister guest;
        bool real = false;
        uint64_t end = 0;
        uint16_t selector = 0;  // 0: none yet
    };

    uint16_t find(const HostSegment& wanted);
    bool in_use(uint16_t selector) const;

    std::array<HostSegment, kShadows> shadow_{};
    std::array<HostSegment, kFirstShadow> at_home_{};  // by LDT entry
    std::array<Last, kSegments> last_{};
    unsigned used_ = 0, next_ = 0;
    uint64_t written_ = 0;
    bool has_16_bit_stacks_;
};

}  // namespace ringfold::segments
