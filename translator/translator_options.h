// What can be chosen about the translator: on the command line, and in tests.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringfold {

// When a memory operand goes through the window. Hot, the fixed rule: once its block has run `hot` times, unless
// the instruction itself has been found guilty.
enum class AccessRule : uint8_t { Hot, NeverDirect, AlwaysDirect };

struct EmitOptions {
    bool profile = false;            // count each block's executions; blocks then end at each branch
    uint32_t simulate_families = 0;  // bit set of EmitKind: leave these to the interpreter (for bisecting a bug)
};

struct TranslatorOptions {
    size_t cache_bytes = 128 * 1024 * 1024;  // of host code
    EmitOptions emit;
    AccessRule access = AccessRule::Hot;
    uint32_t hot = 4096;           // executions of a soft block
    // A direct instruction is guilty after this many hidden faults, or two others, each of which is forgiven after
    // cycles_per_fault of the host's time-stamp counter.
    uint32_t guilty_faults = 8;
    uint64_t cycles_per_fault = 50'000'000;
};

}  // namespace ringfold
