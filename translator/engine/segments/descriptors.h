// The LDT descriptors that translated code runs with. Their limits are what keeps it in the guest's memory.
#pragma once

#include <cstdint>

namespace ringfold::segments {

// Selectors: LDT, RPL 3.
inline constexpr uint16_t kCodeSelector = 0 << 3 | 7, kSupervisorData = 1 << 3 | 7, kUserData = 2 << 3 | 7, kStateSelector = 3 << 3 | 7;
inline constexpr uint16_t kUserCode = 4 << 3 | 7;  // of user mode that is not translated
inline constexpr unsigned kFirstFree = 5, kFirstShadow = 32, kShadows = 248;  // LDT entries; see shadow_segments.h
// What Linux gives a 64-bit process.
inline constexpr uint16_t kHostCode = 0x33, kHostStack = 0x2b;

// A data segment as the hardware is to see it. The default lets no access through.
struct HostSegment {
    uint32_t base = 0;
    uint32_t limit = 0xffffffff;  // inclusive, as SegmentRegister has it; beyond 1 MiB it ends with a 4 KiB page
    bool expand_down = true;
    bool writable = true;
    bool big = true;  // B: the stack pointer is ESP, and offsets of an expand-down segment have 32 bits
    bool operator==(const HostSegment&) const = default;
};

struct Hole;

// Throws HostError if the host has no such descriptors, with what to do about it.
void install_descriptors(const Hole&);
// Guest user mode reaches linear addresses below `end` (a multiple of 4 KiB, not 0).
void limit_user(uint64_t end);
// False if the host does not take it: kernels without CONFIG_X86_16BIT refuse segments that are not `big`.
bool write_shadow(unsigned entry, const HostSegment&);

}  // namespace ringfold::segments
