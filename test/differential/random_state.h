// Random registers, FPU state and memory, with the values at which instructions change their behaviour.
#pragma once

#include "test/differential/random_source.h"
#include "test/support/cpu_case.h"

namespace ringfold::test {

uint32_t random_dword(RandomSource&);         // an edge value, a small one, or any
uint32_t random_data_address(RandomSource&);  // mostly inside a data page; sometimes at its edge, or where none is
CpuCase random_state(RandomSource&);          // code pages full of HLT, eip at the first of them

}  // namespace ringfold::test
