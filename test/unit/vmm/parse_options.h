// A command line as the tests write it, and what is said of one that is wrong.
#pragma once

#include <string>
#include <vector>

#include "vmm/base/result.h"
#include "vmm/options.h"

namespace ringfold::test {

inline Options parse(std::vector<std::string> words) {
    std::vector<char*> argv{const_cast<char*>("ringfold")};
    for (std::string& w : words) argv.push_back(w.data());
    argv.push_back(nullptr);
    return parse_options(static_cast<int>(argv.size()) - 1, argv.data());
}

inline std::string error_of(const std::vector<std::string>& words) {
    try {
        parse(words);
    } catch (const HostError& e) {
        return e.what();
    }
    return "";
}

}  // namespace ringfold::test
