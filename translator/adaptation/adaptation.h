// The mechanism of adaptation: what has been held against which guest instruction, and how its block is emitted
// therefore. The decisions are the policy's (policy.h).
#pragma once

#include <array>
#include <bitset>
#include <unordered_map>

#include "translator/adaptation/policy.h"
#include "translator/cache/block.h"

namespace ringfold {

// How a guilty instruction is emitted instead of IDENT; a bit set.
enum class Remedy : uint8_t {
    SoftAccess = 1,     // its memory operand goes through the soft TLB
    CheckedDivide = 2,  // its division is checked before it runs
};

class Adaptation {
public:
    explicit Adaptation(const PolicyChoice&);

    const Policy& policy() const { return *policy_; }

    // `instruction`: the physical address of its first byte.
    bool needs(Remedy remedy, uint64_t instruction) const {
        const Record* record = find(instruction);
        return record && (record->remedies & static_cast<uint8_t>(remedy));
    }
    // A trap at that instruction, `now` by the host's time-stamp counter. True if it is guilty from now on.
    bool trap(Trap, uint64_t instruction, TrapHistory& history, uint64_t now);
    // Its direct access is given a new trial.
    void acquit(uint64_t instruction);
    // How often the instruction, whose access is soft now, was convicted; 0 if it is not guilty.
    unsigned convictions(uint64_t instruction) const;

    // Executions after which a block should be looked at again; 0: never. `worst`: the most convictions among its
    // guilty instructions, 0 if it has none.
    uint32_t heat(Mode mode, unsigned worst) const;

    struct Counts {
        std::array<uint64_t, kTraps> traps{}, convictions{};  // by Trap
        uint64_t acquitted = 0;
    };
    const Counts& counts() const { return counts_; }

private:
    struct Record {
        uint64_t last = 0;  // conviction, by the time-stamp counter
        uint8_t convictions = 0;
        uint8_t remedies = 0;
    };

    static constexpr size_t kPlaces = 1 << 15;
    static size_t place(uint64_t instruction) { return instruction / 16 % kPlaces; }
    const Record* find(uint64_t instruction) const {
        if (!convicted_[place(instruction)]) return nullptr;
        const auto it = records_.find(instruction);
        return it == records_.end() ? nullptr : &it->second;
    }

    std::unique_ptr<Policy> policy_;
    uint64_t probation_cycles_;
    std::unordered_map<uint64_t, Record> records_;
    std::bitset<kPlaces> convicted_;  // where there may be records: nearly all that is asked about is innocent
    Counts counts_;
};

}  // namespace ringfold
