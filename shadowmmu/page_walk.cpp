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

class Walk {
public:
    Walk(PageTableAccess& tables, const CpuState& cpu, GuestVirt a, Access access, Privilege privilege)
        : tables_(tables), cpu_(cpu), address_(a), access_(access), privilege_(privilege) {}

    std::variant<Mapping, PageFault> run(bool update) {
        const bool mapped = cpu_.cr4 & cr4::PAE ? walk_pae() : walk_32bit();
        if (!mapped) return fault(0);
        if (reserved_) return fault(kPfPresent | kPfReserved);
        if (!permitted()) return fault(kPfPresent);
        if (update) set_accessed_and_dirty();
        m_.dirty = leaf_ & kDirty;
        m_.accessed = update || accessed_;
        m_.marked_global = leaf_ & kGlobal;
        m_.global = m_.marked_global && (cpu_.cr4 & cr4::PGE);
        return m_;
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
        value_[m_.levels] = leaf_;
        m_.entry[m_.levels++] = entry;
        reserved_ |= (leaf_ & reserved) != 0;
        m_.writable &= (leaf_ & kWritable) != 0;
        m_.user &= (leaf_ & kUser) != 0;
        accessed_ &= (leaf_ & kAccessed) != 0;
        m_.executable &= !(nx_enabled() && (leaf_ & kNoExecute));
        return true;
    }

    bool finish(uint64_t frame, uint32_t page_bytes) {
        m_.address = GuestPhys((frame + (address_.value & (page_bytes - 1))) & cpu_.address_mask);
        m_.physical = tables_.place(m_.address);
        m_.page_bytes = page_bytes;
        return true;
    }

    bool permitted() const {
        const bool user = privilege_ == Privilege::User;
        if (user && !m_.user) return false;
        if (access_ == Access::Write && !m_.writable && (user || (cpu_.cr0 & cr0::WP))) return false;
        return access_ != Access::Execute || m_.executable;
    }

    void set_accessed_and_dirty() {
        for (unsigned i = 0; i < m_.levels; ++i) {
            const bool leaf = i + 1u == m_.levels;
            const uint64_t bits = kAccessed | (leaf && access_ == Access::Write ? kDirty : 0);
            if (bits & ~value_[i]) tables_.set_entry_bits(m_.entry[i], entry_bytes_, bits);
            if (leaf) leaf_ |= bits;
        }
    }

    PageFault fault(uint32_t code) const {
        if (access_ == Access::Write) code |= kPfWrite;
        if (privilege_ == Privilege::User) code |= kPfUser;
        if (access_ == Access::Execute && nx_enabled()) code |= kPfFetch;
        return {code};
    }

    bool nx_enabled() const { return (cpu_.cr4 & cr4::PAE) && (cpu_.efer & efer::NXE); }

    PageTableAccess& tables_;
    const CpuState& cpu_;
    const GuestVirt address_;
    const Access access_;
    const Privilege privilege_;
    unsigned entry_bytes_ = 4;
    uint64_t leaf_ = 0;  // the entry read last
    uint64_t value_[3] = {};
    bool reserved_ = false;  // some entry has a reserved bit set
    bool accessed_ = true;   // every entry had A set
    Mapping m_{.physical = {},
               .address = {},
               .page_bytes = 0,
               .writable = true,
               .user = true,
               .executable = true,
               .global = false,
               .dirty = false,
               .accessed = false,
               .levels = 0,
               .entry = {}};
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
