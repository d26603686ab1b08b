// The host code of a soft access's look-up, assembled once for each size and kind of access and copied from then on:
// half of all guest instructions have one, and asmjit would take longer over it than all else that translation does.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "vmm/base/types.h"

namespace ringfold {

struct SoftLookUp {
    std::vector<uint8_t> code;
    uint32_t miss = 0;  // offset of the rel32 that leads to the miss
};

class SoftLookUps {
public:
    // r8d: the linear address. Then [r8 + r9] is the host's operand; at the miss rcx is in kSavedRcx still.
    const SoftLookUp& of(unsigned size, Access access);

private:
    std::unordered_map<uint32_t, std::unique_ptr<SoftLookUp>> made_;
};

}  // namespace ringfold
