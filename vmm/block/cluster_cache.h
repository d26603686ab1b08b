// The tables of an image in memory: each cluster of a table is read once, and every change is written through, so
// that a killed process loses nothing that it had acknowledged.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "vmm/block/image_file.h"

namespace ringfold::block {

class ClusterCache {
public:
    ClusterCache(const ImageFile& file, size_t cluster_bytes, size_t max_bytes = 32 << 20);

    // The bytes of the cluster at that offset of the file, until the next call. All throw IoFailure.
    std::span<const uint8_t> at(uint64_t offset);
    // Changes bytes of it, in the file first.
    void store(uint64_t offset, size_t within, std::span<const uint8_t> bytes);
    // A whole new cluster.
    void create(uint64_t offset, std::vector<uint8_t> bytes);
    void forget(uint64_t offset) { clusters_.erase(offset); }

private:
    struct Cached {
        std::vector<uint8_t> bytes;
        uint64_t used = 0;
    };
    Cached& cached(uint64_t offset);
    Cached& enter(uint64_t offset, std::vector<uint8_t> bytes);

    const ImageFile& file_;
    size_t cluster_bytes_, max_clusters_;
    uint64_t clock_ = 0;
    std::unordered_map<uint64_t, Cached> clusters_;
};

}  // namespace ringfold::block
