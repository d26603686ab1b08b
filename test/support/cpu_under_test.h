// Every kind of CPU behind one face: run this case, tell how it ended.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "test/support/cpu_case.h"

namespace ringfold::test {

class CpuUnderTest {
public:
    virtual ~CpuUnderTest() = default;
    virtual const char* name() const = 0;
    virtual bool is_native() const { return false; }
    virtual CpuEnd run(const CpuCase&) = 0;
};

// All kinds that exist here, the native one first; or those named. Throws on an unknown name.
std::vector<std::unique_ptr<CpuUnderTest>> available_cpus(const std::vector<std::string>& names = {});

}  // namespace ringfold::test
