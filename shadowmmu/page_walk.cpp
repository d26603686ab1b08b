// The guest's page-table walk, level by level, as Intel SDM volume 3, 4.3 (32-bit) and 4.4 (PAE) define it.
#include "shadowmmu/page_walk.h"

#include "vmm/base/fault.h"

namespace ringfold {

namespace {

constexpr uint64_t kPresent = 1, kWritable = 2, kUser = 4, kAccessed = 0x20, kDirty = 0x40, kLarge = 0x80,
                   kGlobal = 0x100, kNoExecute = uint64_t{1} << 63;
// The CPU model has 36 physical address bits under PAE, PAT, and no PSE-36 (SDM volume 3, 4.1.4).
constexpr uint64_t kPaeFrame = 0xffffff000, kPaeReserved = 0x7ffffff000000000;
constexpr uint64_t kPae2MReserved = 0x1fe000, kPse4MReserved = 0x3fe000;

constexpr unsigned kLevels = 2;  // that are walked at each access: PDPTEs are not

class Walk {
public:
    Walk(PageTableAccess& tables, const CpuState& cpu, GuestVirt a, Access access, Privilege privilege)
        : tables_(tables), cpu_(cpu), address_(a), access_(access), privilege_(privilege) {}

    // The answer is written where the caller has it: it is mostly flags, and a copy would wait for each of them.
    std::variant<Mapping, PageFault> run(bool update) {
        std::variant<Mapping, PageFault> answer;
        const bool mapped = cpu_.cr4 & cr4::PAE ? walk_pae() : walk_32bit();
        if (!mapped) {
            answer = fault(0);
        } else if (reserved_) {
            answer = fault(kPfPresent | kPfReserved);
        } else if (!permitted()) {
            answer = fault(kPfPresent);
        } else {
            if (update) set_accessed_and_dirty();
            describe(*std::get_if<Mapping>(&answer), update);
        }
        return answer;
    }

private:
    bool walk_32bit() {
        entry_bytes_ = 4;
        const uint32_t v = address_.value;
        if (!descend(GuestPhys(cpu_.cr3 & 0xfffff000) + (v >> 22) * 4, 0)) return false;
        if ((leaf_ & kLarge) && (cpu_.cr4 & cr4::PSE)) {
            reserved_ |= (leaf_ & kPse4MReserved) != 0;
            return finish(leaf_ & 0xffc00000, 1u << 22);
        }
        if (!descend(GuestPhys(leaf_ & 0xfffff000) + (v >> 12 & 0x3ff) * 4, 0)) return false;
        return finish(leaf_ & 0xfffff000, kPageSize);
    }

    bool walk_pae() {
        entry_bytes_ = 8;
        const uint32_t v = address_.value;
        const uint64_t pdpte = cpu_.pdpte[v >> 30];
        if (!(pdpte & kPresent)) return false;
        const uint64_t reserved = kPaeReserved | (nx_enabled() ? 0 : kNoExecute);
        if (!descend(GuestPhys(pdpte & kPaeFrame) + (v >> 21 & 0x1ff) * 8, reserved)) return false;
        if (leaf_ & kLarge) {
            reserved_ |= (leaf_ & kPae2MReserved) != 0;
            return finish(leaf_ & kPaeFrame & ~uint64_t{0x1fffff}, 1u << 21);
        }
        if (reserved_) return true;  // the next level is not looked at
        if (!descend(GuestPhys(leaf_ & kPaeFrame) + (v >> 12 & 0x1ff) * 8, reserved)) return false;
        return finish(leaf_ & kPaeFrame, kPageSize);
    }

    // Reads one entry into leaf_ and combines its permissions. False: not present.
    bool descend(GuestPhys entry, uint64_t reserved) {
        entry = tables_.place(GuestPhys(entry.value & cpu_.address_mask));
        leaf_ = tables_.read_entry(entry, entry_bytes_);
        if (!(leaf_ & kPresent)) return false;
        value_[levels_] = leaf_;
        entry_[levels_++] = entry;
        reserved_ |= (leaf_ & reserved) != 0;
        all_ &= leaf_ ^ kNoExecute;
        return true;
    }

    bool finish(uint64_t frame, uint32_t page_bytes) {
        target_ = GuestPhys((frame + (address_.value & (page_bytes - 1))) & cpu_.address_mask);
        page_bytes_ = page_bytes;
        return true;
    }

    void describe(Mapping& m, bool updated) {
        m.physical = tables_.place(target_);
        m.address = target_;
        m.page_bytes = page_bytes_;
        m.writable = (all_ & kWritable) != 0;
        m.user = (all_ & kUser) != 0;
        m.executable = executable();
        m.marked_global = (leaf_ & kGlobal) != 0;
        m.global = m.marked_global && (cpu_.cr4 & cr4::PGE);
        m.dirty = (leaf_ & kDirty) != 0;
        m.accessed = updated || (all_ & kAccessed);
        m.levels = levels_;
        m.entry[0] = entry_[0];
        m.entry[1] = entry_[1];
    }

    bool permitted() const {
        const bool user = privilege_ == Privilege::User;
        if (user && !(all_ & kUser)) return false;
        if (access_ == Access::Write && !(all_ & kWritable) && (user || (cpu_.cr0 & cr0::WP))) return false;
        return access_ != Access::Execute || executable();
    }

    void set_accessed_and_dirty() {
        for (unsigned i = 0; i < levels_; ++i) {
            const bool leaf = i + 1u == levels_;
            const uint64_t bits = kAccessed | (leaf && access_ == Access::Write ? kDirty : 0);
            if (bits & ~value_[i]) tables_.set_entry_bits(entry_[i], entry_bytes_, bits);
            if (leaf) leaf_ |= bits;
        }
    }

    PageFault fault(uint32_t code) const {
        if (access_ == Access::Write) code |= kPfWrite;
        if (privilege_ == Privilege::User) code |= kPfUser;
        if (access_ == Access::Execute && nx_enabled()) code |= kPfFetch;
        return {code};
    }

    bool executable() const { return !nx_enabled() || (all_ & kNoExecute); }
    bool nx_enabled() const { return (cpu_.cr4 & cr4::PAE) && (cpu_.efer & efer::NXE); }

    PageTableAccess& tables_;
    const CpuState& cpu_;
    const GuestVirt address_;
    const Access access_;
    const Privilege privilege_;
    unsigned entry_bytes_ = 4;
    uint64_t leaf_ = 0;  // the entry read last
    uint64_t all_ = ~uint64_t{0};  // the bits that every entry has, but of kNoExecute, which none has
    bool reserved_ = false;        // some entry has a reserved bit set
    uint8_t levels_ = 0;
    uint64_t value_[kLevels]{};
    GuestPhys entry_[kLevels]{};
    GuestPhys target_{};
    uint32_t page_bytes_ = 0;
};

}  // namespace

std::variant<Mapping, PageFault> page_walk(PageTableAccess& tables, const CpuState& cpu, GuestVirt a, Access access,
                                           Privilege privilege, bool update) {
    if (!cpu.paging())
        return Mapping{.physical = tables.place(GuestPhys(a.value & cpu.address_mask)),
                       .address = GuestPhys(a.value & cpu.address_mask),
                       .page_bytes = kPageSize,
                       .writable = true,
                       .user = true,
                       .executable = true,
                       .global = true,
                       .dirty = true,
                       .accessed = true,
                       .levels = 0,
                       .entry = {}};
    return Walk(tables, cpu, a, access, privilege).run(update);
}

}  // namespace ringfold
