// Guest code to a block: decode until something ends it, emit, take it into the tables.
#pragma once

#include "shadowmmu/guest_memory.h"
#include "translator/cache/block_table.h"
#include "translator/decode/decode_memo.h"
#include "translator/engine/engine.h"

namespace ringfold {

class Translator {
public:
    Translator(GuestMemory& memory, Engine& engine, BlockTable& table, const EmitOptions& options, const Adaptation& adaptation,
               DecodeMemo& memo);

    // Called before host code is thrown away to make room: nobody may keep a pointer to any.
    std::function<void()> on_eviction;

    // The translation of the code at `eip`, whose first byte `mapping` maps. nullptr if its first instruction
    // cannot be translated (not in RAM, not decodable, its second page faults): the interpreter's turn.
    Block* translate(const BlockKey& key, GuestVirt eip, const Mapping& mapping);

    struct Counts {
        uint64_t blocks = 0, instructions = 0, guest_bytes = 0, host_bytes = 0;
        uint64_t cycles = 0;  // of the host's time-stamp counter, in translate()
    };
    const Counts& counts() const { return counts_; }

private:
    struct Source;
    bool decode_next(const BlockKey& key, Source& source, Instruction& out);
    bool fetch_second_page(const BlockKey& key, Source& source);
    static bool within_code_segment(const BlockKey& key, uint32_t bytes);
    void decode_block(const BlockKey& key, Source& source);
    BlockStore::Owned emit(const BlockKey& key, const Source& source);
    unsigned worst_convictions(const BlockKey& key) const;
    static void end_at(Block& block, GuestVirt eip);
    // Where a block is to start in a line of the host, in bytes.
    static constexpr size_t kAnywhere = ~size_t{0};
    static size_t place_of(const BlockKey& key, const Source& source);
    const uint8_t* make_room(size_t place);

    GuestMemory& memory_;
    Engine& engine_;
    CodeCache& cache_;
    BlockTable& table_;
    EmitOptions options_;
    const Adaptation& adaptation_;
    DecodeMemo& memo_;
    const std::unique_ptr<BlockEmitter> emitter_;
    BlockEmitter& emit_ = *emitter_;
    std::vector<Instruction> instructions_;
    const uint8_t* evicted_until_ = nullptr;
    Counts counts_;
};

}  // namespace ringfold
