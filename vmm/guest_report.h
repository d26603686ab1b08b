// What to show of a guest that crashed: its registers and the code where it stands.
#pragma once

#include <string>

#include "shadowmmu/guest_memory.h"
#include "vmm/base/cpu_state.h"

namespace ringfold {

std::string describe_registers(const CpuState&);
// The bytes at CS:EIP, disassembled; says so if that address is not mapped.
std::string describe_code(const CpuState&, const GuestMemory&);

}  // namespace ringfold
