// How often each cluster of a qcow2 image is used, and where a free one is.
#pragma once

#include <cstdint>
#include <vector>

#include "vmm/block/cluster_cache.h"
#include "vmm/block/qcow2_header.h"

namespace ringfold::block {

class Qcow2Refcounts {
public:
    // `header` changes when the refcount table moves.
    Qcow2Refcounts(const ImageFile& file, Qcow2Header& header, ClusterCache& cache);

    // A free cluster's offset, with its count one. All throw IoFailure.
    uint64_t allocate();
    // So many clusters side by side, with their counts one: the first one's offset.
    uint64_t allocate_run(uint64_t clusters);
    // One user more of each cluster that the bytes touch.
    void share(uint64_t offset, uint64_t length);
    uint64_t users(uint64_t offset) { return count(offset >> header_.cluster_bits); }
    // One user less of each cluster that the bytes touch.
    void release(uint64_t offset, uint64_t length);

private:
    uint64_t find_free();
    uint64_t block_of(uint64_t cluster) const;
    uint64_t count(uint64_t cluster);
    void set_count(uint64_t cluster, uint64_t count);
    bool has_block(uint64_t cluster) const;
    void add_block(uint64_t cluster);
    void grow_table();

    const ImageFile& file_;
    Qcow2Header& header_;
    ClusterCache& cache_;
    std::vector<uint64_t> table_;  // offset of each refcount block, 0 for none
    uint64_t lowest_free_ = 0;     // no cluster below is free
};

}  // namespace ringfold::block
