// The paper's rule (Adams and Agesen, ASPLOS 2006, section 3.3): all code is innocent, and so IDENT, until it traps
// too often; then it is guilty and SIMULATEd, and may be acquitted much later.
#include "translator/adaptation/guilt.h"

namespace ringfold {

namespace {

class Innocent final : public ByGuilt {
public:
    using ByGuilt::ByGuilt;
    bool direct_at_first(Privilege) const override { return true; }
    uint32_t direct_after() const override { return 0; }
};

}  // namespace

std::unique_ptr<Policy> make_innocent(const Thresholds& t) {
    return std::make_unique<Innocent>(t);
}

}  // namespace ringfold
