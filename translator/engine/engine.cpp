// The list of engines.
#include "translator/engine/engine.h"

#include <algorithm>
#include <array>

namespace ringfold {

#define ENGINE(name, policy, features, summary)                                                                       \
    std::unique_ptr<Engine> make_##name##_engine(VcpuContext&, GuestMemory&, const Adaptation&, const EngineOptions&, \
                                                 const MonitorFunctions&);
#include "translator/engine/engines.def"
#undef ENGINE

namespace {

constexpr EngineInfo kEngines[] = {
#define ENGINE(name, policy, features, summary) {#name, summary, policy, EngineFeature::features, make_##name##_engine},
#include "translator/engine/engines.def"
#undef ENGINE
};

}  // namespace

std::span<const EngineInfo> all_engines() {
    return kEngines;
}

const EngineInfo* find_engine(std::string_view name) {
    const auto* found = std::find_if(std::begin(kEngines), std::end(kEngines), [&](const EngineInfo& e) { return e.name == name; });
    return found == std::end(kEngines) ? nullptr : found;
}

}  // namespace ringfold
