// MTRRs and PAT: the registers that say how memory is cached (SDM volume 3, 12.11 and 12.12). Nothing here caches, so they
// only keep what firmware and systems write, and refuse what a CPU refuses.
#pragma once

#include <cstdint>
#include <optional>

#include "vmm/base/cpu_state.h"

namespace ringfold::interpreter {

inline constexpr unsigned kPhysicalAddressBits = 36;

// Whether each byte is one of UC, WC, WT, WP, WB, or, in PAT alone, UC-.
bool valid_pat(uint64_t value);

// Empty if there is no MTRR of that index.
std::optional<uint64_t> read_mtrr(const CpuState&, uint32_t index);
// False for #GP: no such register, a read-only one, a reserved bit or type.
bool write_mtrr(CpuState&, uint32_t index, uint64_t value);

}  // namespace ringfold::interpreter
