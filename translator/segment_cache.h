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
        if (seen_ != now()) [[unlikely]] state_changed();
    }

private:
    // What the meaning of a selector depends on beside the tables' bytes.
    struct Seen {
        DescriptorTable gdtr;
        SegmentRegister ldtr;
        uint32_t cr0, cr3, cr4;
        uint64_t flushes;  // INVLPG, and CR3 loaded with what it holds: the tables may lie on other frames
        bool operator==(const Seen&) const = default;
    };
    struct Page {
        GuestVirt linear;
        GuestPhys physical;
    };

    Seen now() const {
        const CpuState& s = context_.cpu;
        return {s.gdtr, s.ldtr, s.cr0, s.cr3, s.cr4, memory_.flushes()};
    }
    void state_changed();
    void revalidate();
    void clear();
    void drop(uint32_t slot);

    VcpuContext& context_;
    GuestMemory& memory_;
    Seen seen_{};
    std::vector<Page> pages_;  // that the descriptors lie on
    std::array<Trace, SegmentSlots::kSlots> trace_;
};

}  // namespace ringfold
