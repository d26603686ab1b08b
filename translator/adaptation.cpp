// The rule for direct and soft accesses.
#include "translator/adaptation.h"

#include <algorithm>

namespace ringfold {

namespace {
constexpr size_t kMostRecords = 1 << 20;      // then all is forgotten: a guest may make up code without end
constexpr uint32_t kFirstTrial = 1 << 16;     // executions of the block until a guilty instruction is tried again
constexpr unsigned kMostDoublings = 10;
}  // namespace

bool Adaptation::fault(uint64_t instruction, HostSpot& spot, bool hidden, uint64_t now) {
    const uint64_t forgiven = (now - spot.last_fault) / options_.cycles_per_fault;
    spot.last_fault = now;
    spot.faults = static_cast<uint32_t>(spot.faults - std::min<uint64_t>(spot.faults, forgiven));
    spot.faults += hidden ? 1 : options_.guilty_faults / 2;
    if (spot.faults < options_.guilty_faults) return false;
    if (records_.size() >= kMostRecords) records_.clear();
    Record& record = records_[instruction];
    record.guilty = true;
    record.convictions = static_cast<uint8_t>(std::min(record.convictions + 1, 255));
    ++convicted;
    return true;
}

void Adaptation::acquit(uint64_t instruction) {
    const auto it = records_.find(instruction);
    if (it == records_.end() || !it->second.guilty) return;
    it->second.guilty = false;
    ++acquitted;
}

unsigned Adaptation::convictions(uint64_t instruction) const {
    const auto it = records_.find(instruction);
    return it != records_.end() && it->second.guilty ? it->second.convictions : 0;
}

uint32_t Adaptation::heat(Mode mode, unsigned convictions) const {
    if (options_.access != AccessRule::Hot) return 0;
    if (!mode.direct) return options_.hot;
    return convictions ? kFirstTrial << std::min(convictions - 1, kMostDoublings) : 0;
}

}  // namespace ringfold
