// The list of CPU kinds that tests run on.
#include "test/support/cpu_under_test.h"

#include <algorithm>
#include <functional>
#include <stdexcept>

#include "test/support/native_cpu.h"

namespace ringfold::test {

namespace {

class NativeUnderTest final : public CpuUnderTest {
public:
    const char* name() const override { return "native"; }
    bool is_native() const override { return true; }
    CpuEnd run(const CpuCase& c) override { return cpu_.run(c); }

private:
    NativeCpu cpu_;
};

struct CpuKind {
    std::string name;
    std::function<std::unique_ptr<CpuUnderTest>()> make;
};

const std::vector<CpuKind>& kinds() {
    static const std::vector<CpuKind> list = {
        {"native", [] { return std::make_unique<NativeUnderTest>(); }},
    };
    return list;
}

}  // namespace

std::vector<std::unique_ptr<CpuUnderTest>> available_cpus(const std::vector<std::string>& names) {
    std::vector<std::unique_ptr<CpuUnderTest>> cpus;
    for (const auto& name : names)
        if (std::none_of(kinds().begin(), kinds().end(), [&](const CpuKind& k) { return k.name == name; }))
            throw std::runtime_error("no CPU kind named " + name);
    for (const auto& kind : kinds())
        if (names.empty() || std::find(names.begin(), names.end(), kind.name) != names.end()) cpus.push_back(kind.make());
    return cpus;
}

}  // namespace ringfold::test
