// Owns the translations, in the order in which the code cache was filled, which is that of their host addresses from
// the oldest on, round and round. They die oldest first, so their memory comes from a few large batches, each given
// back as a whole.
#pragma once

#include <deque>
#include <memory_resource>

#include "translator/cache/block.h"
#include "translator/cache/code_cache.h"

namespace ringfold {

class BlockStore {
    struct Batch {
        std::pmr::monotonic_buffer_resource memory{kFirstBytes};
        size_t blocks = 0;  // not yet dead
        bool full = false;
    };

public:
    struct Release {
        Batch* batch;
        void operator()(Block* block) const;
    };
    // Nobody else's until keep() has it.
    using Owned = std::unique_ptr<Block, Release>;

    explicit BlockStore(const CodeCache& cache) : cache_(cache) {}
    ~BlockStore();
    BlockStore(const BlockStore&) = delete;
    BlockStore& operator=(const BlockStore&) = delete;

    Owned make();
    // Its host code is what the code cache was filled with last.
    Block& keep(Owned block);

    // The block whose host code holds `pc`, or nullptr.
    Block* find(const void* pc) const;
    // The oldest, if it must go before that range is filled next; nullptr if none must.
    Block* in_the_way(const uint8_t* range, size_t bytes) const;
    void drop_oldest() { blocks_.pop_front(); }

    void for_each(auto&& visit) const {
        for (const Kept& k : blocks_) visit(*k.block);
    }

private:
    static constexpr size_t kFirstBytes = 1 << 20, kBatchBlocks = 1 << 12;

    // Host addresses in the order of filling.
    size_t age_order(const void* pc) const;
    size_t ahead(const uint8_t* at) const;

    struct Kept {
        const uint8_t* host;  // the block's: a search need not touch the blocks
        Owned block;
    };

    const CodeCache& cache_;
    Batch* filling_ = nullptr;
    std::deque<Kept> blocks_;
};

}  // namespace ringfold
