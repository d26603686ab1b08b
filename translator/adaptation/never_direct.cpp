// No windows at all: the reference when a fault path is in doubt, and what a host without room for windows runs. Only
// divisions trap here.
#include "translator/adaptation/guilt.h"

namespace ringfold {

namespace {

class NeverDirect final : public ByGuilt {
public:
    using ByGuilt::ByGuilt;
    bool direct_at_first(Privilege) const override { return false; }
    uint32_t direct_after() const override { return 0; }
    uint32_t retry_after(unsigned) const override { return 0; }
};

}  // namespace

std::unique_ptr<Policy> make_never_direct(const Thresholds& t) {
    return std::make_unique<NeverDirect>(t);
}

}  // namespace ringfold
