// A view with what the monitor must remember about it: which slots a CR3 load empties, which pages its jump
// cache relies on.
#pragma once

#include <bitset>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "shadowmmu/page_walk.h"
#include "shadowmmu/view.h"
#include "vmm/base/types.h"

namespace ringfold {

class CachedView {
public:
    // What a slot's page allows beyond reading. kMayWrite: D is set and the permissions suffice, so that only a
    // trace can keep write_bias from matching.
    enum SlotFlag : uint8_t { kMayWrite = 1, kMayExecute = 2, kNonGlobal = 4 };
    static uint8_t needed_for(Access access) {
        return access == Access::Write ? kMayWrite : access == Access::Execute ? kMayExecute : 0;
    }

    CachedView();

    View view;

    // --- soft TLB -----------------------------------------------------------------------------------------
    void enter(GuestVirt page, uint8_t* host, uint8_t flags, bool write_inline, bool large);
    // Host address of `a` if its page is cached and has all of `flags`.
    uint8_t* find(GuestVirt a, uint8_t flags) const {
        const uint32_t i = SoftTlb::index(a);
        if (!SoftTlb::hits(view.tlb.read_bias[i], a, 1) || (flags_[i] & flags) != flags) return nullptr;
        return reinterpret_cast<uint8_t*>(a.value + view.tlb.addend[i]);
    }
    // The page of `a`, which is cached with kMayWrite, may be written through its slot.
    void allow_write(GuestVirt a) { view.tlb.write_bias[SoftTlb::index(a)] = 0u - a.page().value; }
    void drop_all();
    // A slot put aside: whether it may be written through is found anew when it comes back.
    struct SlotCopy {
        GuestVirt page;
        uint8_t* host;
        uint8_t flags;
    };
    // Empties all slots of non-global pages, and appends them to `out`.
    void take_non_global(std::vector<SlotCopy>& out);
    void drop_page(GuestVirt a);
    // INVLPG's extent: the page of `a`, or all of the large page that a slot near it came from.
    void drop_mapping(GuestVirt a);
    void drop_range(GuestVirt from, uint64_t bytes);
    // Write permission only.
    void drop_write(GuestVirt a);
    void drop_write_range(GuestVirt from, uint64_t bytes);
    // No slot that leads to these host pages may be written through any more.
    void drop_writers_of(const uint8_t* host, uint64_t bytes);
    // Nothing is known any more of these host pages.
    void drop_places(const uint8_t* host, uint64_t bytes);

    // --- device memory, which has no slots: what the last few pages are and allow ----------------------------
    struct DevicePage {
        static constexpr uint32_t kNone = 1;  // no page begins there
        uint32_t page = kNone;
        uint8_t flags = 0;
        GuestPhys physical{};
    };
    void enter_device(GuestVirt page, GuestPhys physical, uint8_t flags, bool large);
    // What is known of the page of `a`, if it has all of `flags`.
    const DevicePage* find_device(GuestVirt a, uint8_t flags) const {
        const DevicePage& d = device_of(a);
        return d.page == a.page().value && (d.flags & flags) == flags ? &d : nullptr;
    }
    std::span<const DevicePage> devices() const { return devices_; }
    void drop_all_devices();

    // --- jump cache ---------------------------------------------------------------------------------------
    // True if what was noted is another frame: what the jump cache had of it is gone then.
    bool note_code_page(GuestVirt a, const Mapping& mapping);
    // The pages whose translations the jump cache may hold, with the frame each was mapped to.
    const std::unordered_map<uint32_t, uint64_t>& code_pages() const { return code_pages_; }
    bool has_code(GuestVirt a) const { return !code_pages_.empty() && code_pages_.contains(a.page_number()); }
    bool has_code(GuestVirt from, uint64_t bytes) const;
    // The noted pages that INVLPG of `a` is about: those of the large page too that `a` may have been in.
    std::vector<std::pair<uint32_t, uint64_t>> code_pages_invalidated_by(GuestVirt a) const;
    // Those of them that were not global when noted.
    const std::unordered_set<uint32_t>& non_global_code() const { return non_global_code_; }
    void drop_jumps();
    // No page is noted there any more, and no jump leads there or to what may begin on the page before.
    void drop_code_page(GuestVirt page);

    uint8_t flags(uint32_t slot) const { return flags_[slot]; }
    // The page that slot i maps, if it maps one.
    std::optional<GuestVirt> page_of(uint32_t i) const {
        if (view.tlb.read_bias[i] == SoftTlb::never_matches(i)) return std::nullopt;
        return GuestVirt(0u - view.tlb.read_bias[i]);
    }

private:
    void drop_slot(uint32_t i);
    const DevicePage& device_of(GuestVirt a) const { return devices_[a.page_number() % devices_.size()]; }
    template <class F>
    void drop_devices(F f);

    std::array<uint8_t, kTlbEntries> flags_{};
    std::bitset<kTlbEntries> non_global_;
    std::array<DevicePage, 16> devices_;  // as many as VGA graphics has: none is in the way of another
    std::bitset<2048> large_;  // by 2 MiB of linear space: some slot there came from a large page
    std::unordered_map<uint32_t, uint64_t> code_pages_;
    std::bitset<2048> large_code_;  // by 2 MiB: some page there was noted as part of a large one
    std::unordered_set<uint32_t> non_global_code_;
};

}  // namespace ringfold
