// Makes a failing block small, and writes it as a test of test/isa.
#pragma once

#include <functional>
#include <string>

#include "test/differential/block_generator.h"

namespace ringfold::test {

// `fails` says whether a changed block still shows the difference.
RandomBlock minimise(RandomBlock block, const std::function<bool(const CpuCase&)>& fails);

std::string as_test_file(const RandomBlock&, const CpuEnd& judge, const std::string& title);

}  // namespace ringfold::test
