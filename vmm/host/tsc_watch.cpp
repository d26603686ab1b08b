// Notices that the host's time-stamp counter has begun anew.
#include "vmm/host/tsc_watch.h"

namespace ringfold::host {

namespace {
// The clock may be slewed against the counter: by half a per mille at most (adjtimex(2)).
constexpr int64_t kSlew = 1000;
constexpr Nanoseconds kTolerance = kSecond / 4;
}  // namespace

uint64_t TscWatch::fallen_back(Nanoseconds now, uint64_t tsc) {
    const Nanoseconds passed = now - seen_at_;
    // A counter below what it was is looked at whatever the time: the guest might see it.
    const bool looks = !looked_ || passed >= kBetweenLooks || tsc < seen_;
    if (!khz_ || !looks) return 0;
    const auto due = static_cast<uint64_t>(static_cast<__int128>(passed) * khz_ / kMillisecond);
    const auto allowed = static_cast<int64_t>((kTolerance + passed / kSlew) / kMillisecond * khz_);
    const auto behind = static_cast<int64_t>(seen_ + due - tsc);
    const bool fell = looked_ && behind > allowed;
    looked_ = true;
    seen_at_ = now;
    seen_ = tsc;
    return fell ? static_cast<uint64_t>(behind) : 0;
}

}  // namespace ringfold::host
