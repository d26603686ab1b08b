// Numbers as a monitor's user writes them: "0x100 + $eip * 4", with C's operators and precedence.
#pragma once

#include <cstdint>
#include <string_view>

#include "vmm/base/cpu_state.h"

namespace ringfold {

// Takes one expression off the front of `text`, with the blanks behind it. Registers are $eax ... $gs, $eip, $eflags,
// $cr0 and so on. Throws HostError.
int64_t take_expression(std::string_view& text, const CpuState& state);

}  // namespace ringfold
