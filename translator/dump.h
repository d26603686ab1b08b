// The translator explains itself: -d in_asm and out_asm.
#pragma once

#include <span>

#include "translator/cache/block.h"

namespace ringfold {

// Writes the guest listing, from `eip`, and, if asked for, the host listing with each instruction's class and reason.
void dump_block(const Block&, GuestVirt eip, std::span<const Instruction>, std::span<const uint8_t> host_code,
                unsigned code_bits);

}  // namespace ringfold
