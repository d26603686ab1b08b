// The guest's page-table walk (Intel SDM volume 3, chapter 4): 4 KiB, 4 MiB (PSE), PAE with 2 MiB and NX.
// Pure but for the A and D bits, which it sets as the hardware does. With the A20 gate closed no address, of an entry or
// of what it maps, has bit 20 set.
#pragma once

#include <cstdint>
#include <variant>

#include "vmm/base/cpu_state.h"
#include "vmm/base/types.h"

namespace ringfold {

// Reads and writes page-table entries, by their places. One that is neither in RAM nor in the display's memory reads as
// all ones.
class PageTableAccess {
public:
    virtual ~PageTableAccess() = default;
    // The place of what is at this physical address, see Ram::place().
    virtual GuestPhys place(GuestPhys physical) { return physical; }
    virtual uint64_t read_entry(GuestPhys address, unsigned size) = 0;
    // Sets bits in an entry (A, D). Must not be taken for a guest write by page-table traces.
    virtual void set_entry_bits(GuestPhys address, unsigned size, uint64_t bits) = 0;
};

struct Mapping {
    GuestPhys physical;   // the place of the very address asked for,
    GuestPhys address;    // and that as the CPU puts it out
    uint32_t page_bytes;  // 4 KiB, 2 MiB or 4 MiB
    bool writable, user;  // R/W and U/S, combined over the levels; CR0.WP not applied
    bool executable;
    bool global;    // G set and CR4.PGE on
    bool marked_global = false;  // G set
    bool dirty;     // D of the leaf after this walk
    bool accessed;  // A at every level after this walk
    // The entries used, leaf last: page-table pages that must be watched while this mapping is cached.
    uint8_t levels;
    GuestPhys entry[2];
};
struct PageFault {
    uint32_t error_code;
};

// With paging off, maps linear to physical, writable, user, global and dirty. `update` false: a look that
// leaves A and D alone.
std::variant<Mapping, PageFault> page_walk(PageTableAccess&, const CpuState&, GuestVirt, Access, Privilege,
                                           bool update = true);

}  // namespace ringfold
