// Which memory operands go through the window (direct) and which through the soft TLB.
//
// A host fault costs as much as thousands of soft accesses. So code starts soft; a block that proves hot is
// translated again, direct; an instruction whose host faults come faster than direct access can earn back is guilty
// and soft again in its block; and a guilty one is tried again after its block has run long enough, longer each time.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "translator/cache/block.h"
#include "translator/translator_options.h"

namespace ringfold {

class Adaptation {
public:
    explicit Adaptation(const TranslatorOptions& options) : options_(options) {}

    // `instruction`: the physical address of its first byte.
    bool guilty(uint64_t instruction) const {
        const auto it = records_.find(instruction);
        return it != records_.end() && it->second.guilty;
    }
    // A host fault at a direct instruction, `now` by the host's time-stamp counter. `hidden`: it was filled and
    // will not recur at once. True if the instruction is guilty from now on.
    bool fault(uint64_t instruction, HostSpot& spot, bool hidden, uint64_t now);
    void acquit(uint64_t instruction);

    // Executions after which a block should be looked at again; 0: never. `guilty`: how many convictions the worst
    // of its guilty instructions has had, 0 if it has none.
    uint32_t heat(Mode mode, unsigned guilty) const;
    unsigned convictions(uint64_t instruction) const;

    uint64_t convicted = 0, acquitted = 0;

private:
    struct Record {
        uint8_t convictions = 0;
        bool guilty = false;
    };

    TranslatorOptions options_;
    std::unordered_map<uint64_t, Record> records_;
};

}  // namespace ringfold
