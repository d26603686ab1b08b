// A write-through cache of metadata clusters that forgets the one used longest ago.
#include "vmm/block/cluster_cache.h"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "vmm/block/block_backend.h"

namespace ringfold::block {

ClusterCache::ClusterCache(const ImageFile& file, size_t cluster_bytes, size_t max_bytes)
    : file_(file), cluster_bytes_(cluster_bytes), max_clusters_(std::max<size_t>(max_bytes / cluster_bytes, 4)) {}

ClusterCache::Cached& ClusterCache::enter(uint64_t offset, std::vector<uint8_t> bytes) {
    if (clusters_.size() >= max_clusters_ && !clusters_.contains(offset))
        clusters_.erase(std::min_element(clusters_.begin(), clusters_.end(),
                                         [](const auto& a, const auto& b) { return a.second.used < b.second.used; }));
    Cached& c = clusters_[offset];
    c = {std::move(bytes), ++clock_};
    return c;
}

ClusterCache::Cached& ClusterCache::cached(uint64_t offset) {
    if (const auto found = clusters_.find(offset); found != clusters_.end()) {
        found->second.used = ++clock_;
        return found->second;
    }
    if (offset % cluster_bytes_ || offset >= file_.bytes())
        throw IoFailure(EIO, fmt::format("damaged qcow2 image: a table at {:#x} lies outside the file", offset));
    std::vector<uint8_t> bytes(cluster_bytes_);
    file_.read(offset, bytes);
    return enter(offset, std::move(bytes));
}

std::span<const uint8_t> ClusterCache::at(uint64_t offset) {
    return cached(offset).bytes;
}

void ClusterCache::store(uint64_t offset, size_t within, std::span<const uint8_t> bytes) {
    Cached& c = cached(offset);
    file_.write(offset + within, bytes);
    std::copy(bytes.begin(), bytes.end(), c.bytes.begin() + static_cast<long>(within));
}

void ClusterCache::create(uint64_t offset, std::vector<uint8_t> bytes) {
    file_.write(offset, bytes);
    enter(offset, std::move(bytes));
}

}  // namespace ringfold::block
