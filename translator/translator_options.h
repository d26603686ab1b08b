// What can be chosen about the translator: on the command line, and in tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "translator/adaptation/policy.h"

namespace ringfold {

struct EmitOptions {
    bool profile = false;            // count each block's executions; blocks then end at each branch
    uint64_t simulate_families = 0;  // bit set of EmitKind: leave these to the interpreter (for bisecting a bug)
};

struct TranslatorOptions {
    size_t cache_bytes = 128 * 1024 * 1024;  // of host code
    std::string engine = "windows";          // a name of engines.def
    EmitOptions emit;
    PolicyChoice policy;
    bool policy_chosen = false;  // by the user; otherwise it is the one that suits the engine
};

}  // namespace ringfold
