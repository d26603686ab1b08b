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

struct EngineOptions {
    static constexpr uint64_t kLeastHole = 32u << 20, kMostHole = 1u << 30, kHoleUnit = 1u << 20;

    size_t cache_bytes = 128 * 1024 * 1024;  // of host code
    bool user_direct = false;                // EngineFeature::UserDirect: user mode runs without translation
    uint32_t hole_bytes = 64u << 20;         // EngineFeature::Hole: at the top of the guest's linear addresses
};

struct TranslatorOptions {
    std::string engine = "windows";  // a name of engines.def
    EngineOptions engine_options;
    EmitOptions emit;
    PolicyChoice policy;
    bool policy_chosen = false;  // by the user; otherwise it is the one that suits the engine
};

}  // namespace ringfold
