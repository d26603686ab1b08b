// No windows at all: the reference when a fault path is in doubt, and what a host without room for windows runs.
#include "translator/adaptation/guilt.h"

namespace ringfold {

namespace {

class NeverDirect final : public Policy {
public:
    explicit NeverDirect(const Thresholds& t) : t_(t) {}
    bool direct_at_first(Privilege) const override { return false; }
    uint32_t direct_after() const override { return 0; }
    // Only divisions trap here.
    bool convict(Trap trap, TrapHistory& history, uint64_t now) const override {
        return is_guilty(t_, trap, history, now);
    }
    uint32_t retry_after(unsigned) const override { return 0; }

private:
    Thresholds t_;
};

}  // namespace

std::unique_ptr<Policy> make_never_direct(const Thresholds& t) {
    return std::make_unique<NeverDirect>(t);
}

}  // namespace ringfold
