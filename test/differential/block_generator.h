// Random blocks of code, grown one instruction at a time: the interpreter runs each at once, so that the next
// instruction's operands can be aimed with the registers that there will be.
#pragma once

#include <string>
#include <vector>

#include "test/differential/instruction_pool.h"
#include "test/differential/random_source.h"
#include "test/support/guest_machine.h"
#include "translator/interpreter/interpreter.h"

namespace ringfold::test {

struct PlacedInstruction {
    uint32_t eip;
    std::vector<uint8_t> bytes;
};

struct RandomBlock {
    CpuCase start;  // code included
    std::vector<PlacedInstruction> instructions;
};

class BlockGenerator {
public:
    // `only`: if not empty, the names of the table's rows to draw from.
    // `supervisor`: for CPL 0.
    BlockGenerator(Judge judge, bool supervisor, const std::vector<std::string>& only);

    RandomBlock generate(RandomSource&);
    const std::vector<PoolEntry>& pool() const { return pool_; }

private:
    class Growth;

    Judge judge_;
    bool supervisor_;
    std::vector<PoolEntry> pool_;
    GuestMachine machine_;
    Interpreter interpreter_{machine_.state(), machine_.memory(), machine_.ports()};
};

}  // namespace ringfold::test
