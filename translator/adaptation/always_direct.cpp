// Every access is IDENT for ever, whatever it traps: what adaptation is measured against, and the hardest test of the
// fault paths. But for pages that no window may hold: there an access would never once run directly.
#include "translator/adaptation/policy.h"

namespace ringfold {

namespace {

class AlwaysDirect final : public Policy {
public:
    bool direct_at_first(Privilege) const override { return true; }
    uint32_t direct_after() const override { return 0; }
    bool convict(Trap trap, TrapHistory&, uint64_t) const override { return trap == Trap::NotWindowed; }
    uint32_t retry_after(unsigned) const override { return 0; }
};

}  // namespace

std::unique_ptr<Policy> make_always_direct(const Thresholds&) {
    return std::make_unique<AlwaysDirect>();
}

}  // namespace ringfold
