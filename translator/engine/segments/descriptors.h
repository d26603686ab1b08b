// The LDT descriptors that translated code runs with. Their limits are what keeps it in the guest's memory.
#pragma once

#include <cstdint>

namespace ringfold::segments {

// Selectors: LDT, RPL 3.
inline constexpr uint16_t kCodeSelector = 0 << 3 | 7, kSupervisorData = 1 << 3 | 7, kUserData = 2 << 3 | 7, kStateSelector = 3 << 3 | 7;
// What Linux gives a 64-bit process.
inline constexpr uint16_t kHostCode = 0x33, kHostStack = 0x2b;

// Throws HostError if the host has no such descriptors, with what to do about it.
void install_descriptors();
// Guest user mode reaches linear addresses below `end` (a multiple of 4 KiB, not 0).
void limit_user_data(uint64_t end);

}  // namespace ringfold::segments
