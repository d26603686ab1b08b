// The default. A host fault costs as much as thousands of soft accesses, so user code starts soft, and a block that
// proves hot is translated again, direct. Kernel code is direct at once: its one window outlives all address spaces, so
// that each of its pages faults once, and what runs only once is translated in half the time. An instruction whose
// faults come faster than direct access can earn back is guilty, and soft again in its block; a guilty one is tried
// again once its block has run long enough.
#include "translator/adaptation/guilt.h"

namespace ringfold {

namespace {

class Hot final : public Policy {
public:
    explicit Hot(const Thresholds& t) : t_(t) {}
    bool direct_at_first(Privilege p) const override { return p == Privilege::Supervisor; }
    uint32_t direct_after() const override { return t_.direct_after; }
    bool convict(Trap trap, TrapHistory& history, uint64_t now) const override {
        return is_guilty(t_, trap, history, now);
    }
    uint32_t retry_after(unsigned convictions) const override { return doubling_retry(t_, convictions); }

private:
    Thresholds t_;
};

}  // namespace

std::unique_ptr<Policy> make_hot(const Thresholds& t) {
    return std::make_unique<Hot>(t);
}

}  // namespace ringfold
