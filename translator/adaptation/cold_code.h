// Which code has hardly run yet: a small table of what was met lately, so that code which runs once is interpreted and
// never translated.
#pragma once

#include <array>
#include <cstdint>

#include "vmm/base/types.h"

namespace ringfold {

class ColdCode {
public:
    // Code at that address is about to run. False once that makes `at` times; an entry that others took counts afresh.
    bool still_cold(GuestPhys code, uint32_t at) {
        Entry& e = entries_[code.value * 0x9e3779b97f4a7c15 >> (64 - kBits)];
        if (e.code != code.value) e = {code.value, 0};
        return ++e.times < at;
    }

private:
    static constexpr unsigned kBits = 15;
    struct Entry {
        uint64_t code = ~uint64_t{0};
        uint32_t times = 0;
    };
    std::array<Entry, 1 << kBits> entries_;
};

}  // namespace ringfold
