// Immediates that the guest keeps changing. An instruction whose immediate was changed often enough is translated so
// that it loads the immediate from guest memory each time it runs: further changes then cost no translation.
#pragma once

#include <cstdint>
#include <unordered_map>

namespace ringfold {

class PatchHistory {
public:
    static constexpr uint8_t kOften = 3;

    // Under a translation, the immediate of the instruction at this physical address has changed, and nothing else.
    void note(uint64_t instruction) {
        if (counts_.size() >= kMostRecords) counts_.clear();  // a guest may make up code without end
        uint8_t& n = counts_[instruction];
        if (n < kOften) ++n;
    }
    bool often(uint64_t instruction) const {
        const auto it = counts_.find(instruction);
        return it != counts_.end() && it->second >= kOften;
    }

private:
    static constexpr size_t kMostRecords = 1 << 16;
    std::unordered_map<uint64_t, uint8_t> counts_;
};

}  // namespace ringfold
