// Reads and decodes the instruction at CS:EIP, with the faults of a fetch.
#pragma once

#include "shadowmmu/guest_memory.h"
#include "translator/decode/decode_memo.h"

namespace ringfold {

inline CodeSize code_size(const CpuState& s) { return s.segment[CS].big() ? CodeSize::Bits32 : CodeSize::Bits16; }

// Throws #GP(0) beyond the limit of CS or 15 bytes, #PF as the fetch meets it. The page behind is touched only if
// the instruction reaches into it.
void fetch_instruction(const CpuState&, GuestMemory&, Instruction& out, DecodeMemo* memo = nullptr);

}  // namespace ringfold
