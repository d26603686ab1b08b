// The descriptors that DS, ES, FS and GS were loaded from lately, so that translated code can load them again
// without asking the guest's tables. Kept true by GDT and LDT traces over the very bytes of each descriptor.
#pragma once

#include <array>
#include <vector>

#include "shadowmmu/guest_memory.h"
#include "translator/engine/vcpu_context.h"

namespace ringfold {

class SegmentCache {
public:
    SegmentCache(VcpuContext& context, GuestMemory& memory) : context_(context), memory_(memory) { clear(); }

    // After the interpreter has loaded a segment register with this selector: remembers what it got.
    void remember(unsigned segment);
    // Before translated code runs: drops what a change of GDTR, LDTR or the address space has made doubtful.
    void check() {
        if (seen_ != Seen::of(context_.cpu)) [[unlikely]] state_changed();
    }
    // After INVLPG: the tables may lie on other frames now.
    void revalidate();

private:
    // What the meaning of a selector depends on beside the tables' bytes.
    struct Seen {
        DescriptorTable gdtr;
        SegmentRegister ldtr;
        uint32_t cr0, cr3, cr4;
        bool operator==(const Seen&) const = default;
        static Seen of(const CpuState& s) { return {s.gdtr, s.ldtr, s.cr0, s.cr3, s.cr4}; }
    };
    struct Page {
        GuestVirt linear;
        GuestPhys physical;
    };

    void state_changed();
    void clear();
    void drop(uint32_t slot);

    VcpuContext& context_;
    GuestMemory& memory_;
    Seen seen_{};
    std::vector<Page> pages_;  // that the descriptors lie on
    std::array<Trace, SegmentSlots::kSlots> trace_;
};

}  // namespace ringfold
