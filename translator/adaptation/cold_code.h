// Which code has hardly run yet: a small table of what was met lately, so that code which runs once is interpreted and
// never translated. Code that the guest overwrites is cold again, and stays so for longer each time.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "vmm/base/types.h"

namespace ringfold {

class ColdCode {
public:
    // Code at that address is about to run. False once that makes `at` times; code that others pushed out counts afresh.
    bool still_cold(GuestPhys code, uint32_t at) {
        if (at <= 1) return false;
        Entry& e = entry_of(code);
        return ++e.times < std::max(at, e.patience);
    }
    // The guest has changed translated code at that address.
    void overwritten(GuestPhys code) {
        Entry& e = entry_of(code);
        e.times = 0;
        e.patience = std::clamp(e.patience * 2, 4u, kMostPatience);
    }

private:
    static constexpr unsigned kSetBits = 13;
    static constexpr uint32_t kMostPatience = 64;
    struct Entry {
        uint64_t code = ~uint64_t{0};
        uint32_t times = 0;
        uint32_t patience = 0;
    };
    using Set = std::array<Entry, 4>;

    // The one met last stands first. With fewer ways, code that runs in turns with other code would stay cold for ever.
    Entry& entry_of(GuestPhys code) {
        Set& set = sets_[code.value * 0x9e3779b97f4a7c15 >> (64 - kSetBits)];
        Entry* e = std::find_if(set.begin(), set.end(), [&](const Entry& x) { return x.code == code.value; });
        const Entry was = e == set.end() ? Entry{code.value} : *e;
        std::move_backward(set.begin(), e == set.end() ? e - 1 : e, e == set.end() ? e : e + 1);
        return set.front() = was;
    }

    std::array<Set, 1 << kSetBits> sets_;
};

}  // namespace ringfold
