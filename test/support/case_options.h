// The options that the programs which check random cases share: --seed, --count and --failures.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace ringfold::test {

struct CaseOptions {
    uint64_t seed =
        static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch().count()) / 1000 % 1'000'000'000;
    uint64_t count;
    unsigned failures;

    CaseOptions(uint64_t default_count, unsigned default_failures) : count(default_count), failures(default_failures) {}

    // `value()` is the word behind the option. False: it is none of these.
    template <class Value>
    bool take(const std::string& option, Value value) {
        if (option == "--seed")
            seed = std::stoull(value());
        else if (option == "--count")
            count = std::stoull(value());
        else if (option == "--failures")
            failures = static_cast<unsigned>(std::stoul(value()));
        else
            return false;
        return true;
    }
};

// What stands between the commas.
inline std::vector<std::string> split(const std::string& list) {
    std::vector<std::string> words;
    for (size_t at = 0; at <= list.size();) {
        const size_t comma = std::min(list.find(',', at), list.size());
        words.push_back(list.substr(at, comma - at));
        at = comma + 1;
    }
    return words;
}

}  // namespace ringfold::test
