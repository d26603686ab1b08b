// The records of guilty instructions.
#include "translator/adaptation/adaptation.h"

#include <algorithm>

namespace ringfold {

namespace {
constexpr size_t kMostRecords = 1 << 20;  // then all is forgotten: a guest may make up code without end
constexpr uint8_t kSoft = static_cast<uint8_t>(Remedy::SoftAccess),
                  kDivide = static_cast<uint8_t>(Remedy::CheckedDivide);
}  // namespace

Adaptation::Adaptation(const PolicyChoice& choice)
    : policy_(find_policy(choice.name)->make(choice.thresholds)),
      probation_cycles_(choice.thresholds.probation_cycles) {}

bool Adaptation::trap(Trap trap, uint64_t instruction, TrapHistory& history, uint64_t now) {
    ++counts_.traps[static_cast<size_t>(trap)];
    if (!policy_->convict(trap, history, now)) return false;
    ++counts_.convictions[static_cast<size_t>(trap)];
    if (records_.size() >= kMostRecords) records_.clear();
    Record& record = records_[instruction];
    convicted_.set(place(instruction));
    record.remedies |= trap == Trap::Divide ? kDivide : kSoft;
    // What was long ago was another phase of the program: then waiting for a new trial starts from the shortest.
    if (now - record.last > probation_cycles_) record.convictions = 0;
    record.last = now;
    record.convictions = static_cast<uint8_t>(std::min(record.convictions + 1, 255));
    return true;
}

void Adaptation::acquit(uint64_t instruction) {
    const auto it = records_.find(instruction);
    if (it == records_.end() || !(it->second.remedies & kSoft)) return;
    it->second.remedies &= static_cast<uint8_t>(~kSoft);
    ++counts_.acquitted;
}

unsigned Adaptation::convictions(uint64_t instruction) const {
    const Record* record = find(instruction);
    return record && (record->remedies & kSoft) ? record->convictions : 0;
}

uint32_t Adaptation::heat(Mode mode, unsigned worst) const {
    if (!mode.direct) return policy_->direct_after();
    return worst ? policy_->retry_after(worst) : 0;
}

}  // namespace ringfold
