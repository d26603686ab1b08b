// Emission of one block: guest instructions in, host code and its tables (sites, spots, links) out. Each engine has one.
#pragma once

#include <cstdint>
#include <span>

#include "translator/cache/block.h"

namespace ringfold {

class Adaptation;
class PatchHistory;

class BlockEmitter {
public:
    virtual ~BlockEmitter() = default;

    // Knows which instructions stay soft in direct blocks too. Null: none.
    const Adaptation* adaptation = nullptr;
    // Knows whose immediates are loaded. Null: nobody's.
    const PatchHistory* patches = nullptr;

    // Starts a block whose code will lie at `host`, from guest code that lies at `guest_code` in RAM. The block's key is set.
    virtual void begin(Block& block, const uint8_t* host, const uint8_t* guest_code) = 0;
    // Emits one instruction; false once it has ended the block. `next`: the one that follows it in the block, if any.
    virtual bool instruction(const Instruction&, GuestVirt eip, const Instruction* next) = 0;
    // Ends a block that no instruction ended: goes on at `next`.
    virtual void fall_through(GuestVirt next) = 0;
    // Emits the cold parts. The code is then in code(); the block's tables are complete.
    virtual void finish() = 0;
    virtual std::span<const uint8_t> code() const = 0;
};

}  // namespace ringfold
