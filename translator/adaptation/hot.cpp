// The default. A host fault costs as much as thousands of soft accesses, so user code starts soft, and a block that
// proves hot is translated again, direct, for those address spaces that have run long enough to earn a window. Kernel
// code is direct at once: its one window outlives all address spaces, so that each of its pages faults once, and what
// runs only once is translated in half the time. An instruction whose faults come faster than direct access can earn
// back is guilty, and soft again in its block; a guilty one is tried again once its block has run long enough.
#include "translator/adaptation/guilt.h"

namespace ringfold {

namespace {

class Hot final : public ByGuilt {
public:
    using ByGuilt::ByGuilt;
    uint32_t translate_at() const override { return t_.translate_at; }
    bool direct_at_first(Privilege p) const override { return p == Privilege::Supervisor; }
    uint32_t direct_after() const override { return t_.direct_after; }
    uint64_t window_after() const override { return t_.window_after; }
};

}  // namespace

std::unique_ptr<Policy> make_hot(const Thresholds& t) {
    return std::make_unique<Hot>(t);
}

}  // namespace ringfold
