// Runs one case everywhere and tells whether all ended as the host CPU did.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "test/differential/instruction_pool.h"
#include "test/support/cpu_under_test.h"

namespace ringfold::test {

enum class Outcome : uint8_t { Same, Different, Incomparable };

struct Comparison {
    Outcome verdict = Outcome::Same;
    std::string text;  // the differences
    CpuEnd judge;      // the host's end state
};

class Comparer {
public:
    // The first CPU is the judge.
    explicit Comparer(std::vector<std::unique_ptr<CpuUnderTest>> cpus) : cpus_(std::move(cpus)) {}
    Judge judge() const { return cpus_[0]->is_native() ? Judge::Host : Judge::Interpreter; }
    Comparison compare(const CpuCase&);

private:
    bool comparable_to_host(const CpuEnd& end, const CpuEnd& host) const;

    std::vector<std::unique_ptr<CpuUnderTest>> cpus_;
};

}  // namespace ringfold::test
