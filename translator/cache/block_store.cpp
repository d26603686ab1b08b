#include "translator/cache/block_store.h"

#include <algorithm>

namespace ringfold {

void BlockStore::Release::operator()(Block* block) const {
    std::destroy_at(block);
    if (--batch->blocks == 0 && batch->full) delete batch;
}

BlockStore::~BlockStore() {
    blocks_.clear();
    delete filling_;
}

BlockStore::Owned BlockStore::make() {
    if (!filling_) filling_ = new Batch;
    Batch* batch = filling_;
    if (++batch->blocks == kBatchBlocks) {
        batch->full = true;
        filling_ = nullptr;
    }
    std::pmr::polymorphic_allocator<Block> allocator(&batch->memory);
    return Owned(std::construct_at(allocator.allocate(1), &batch->memory), Release{batch});
}

Block& BlockStore::keep(Owned block) {
    return *blocks_.emplace_back(block->host, std::move(block)).block;
}

size_t BlockStore::age_order(const void* pc) const {
    const uint8_t* first = blocks_.front().host;
    const auto* at = static_cast<const uint8_t*>(pc);
    return at >= first ? static_cast<size_t>(at - first) : cache_.capacity() - static_cast<size_t>(first - at);
}

Block* BlockStore::find(const void* pc) const {
    if (blocks_.empty() || !cache_.owns(pc)) return nullptr;
    const auto behind = std::upper_bound(blocks_.begin(), blocks_.end(), age_order(pc),
                                         [this](size_t age, const Kept& k) { return age < age_order(k.host); });
    if (behind == blocks_.begin()) return nullptr;
    Block* block = std::prev(behind)->block.get();
    return pc >= block->host && pc < block->end() ? block : nullptr;
}

// Bytes from the end of the newest one, in the direction of filling.
size_t BlockStore::ahead(const uint8_t* at) const {
    const uint8_t* end = blocks_.back().block->end();
    return at >= end ? static_cast<size_t>(at - end) : cache_.capacity() - static_cast<size_t>(end - at);
}

// All that lies between the newest one and the end of the range: in the range, in what was skipped before it, or, where a
// new round begins, at the end of the cache.
Block* BlockStore::in_the_way(const uint8_t* range, size_t bytes) const {
    if (blocks_.empty()) return nullptr;
    Block& oldest = *blocks_.front().block;
    return ahead(oldest.host) < ahead(range + bytes) ? &oldest : nullptr;
}

}  // namespace ringfold
