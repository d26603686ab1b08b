// qcow2 images, versions 2 and 3: reading and writing, backing files, internal snapshots left alone (their clusters are
// copied on write), compressed clusters read by zlib.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "vmm/block/block_backend.h"
#include "vmm/block/cluster_cache.h"
#include "vmm/block/image_file.h"
#include "vmm/block/qcow2_entry.h"
#include "vmm/block/qcow2_header.h"
#include "vmm/block/qcow2_refcounts.h"
#include "vmm/block/qcow2_snapshots.h"

namespace ringfold::block {

class Qcow2Image final : public BlockBackend {
public:
    // `header` is this file's. `backing` may be null; bytes that neither holds are zero. Throws IoFailure.
    Qcow2Image(ImageFile file, const Qcow2Header& header, std::unique_ptr<BlockBackend> backing);

    uint64_t size() const override { return header_.size; }
    const char* format() const override { return "qcow2"; }
    bool read_only() const override { return !file_.writable(); }
    void read(uint64_t offset, std::span<uint8_t> to) override;
    void write(uint64_t offset, std::span<const uint8_t> from) override;
    void flush() override;
    SnapshotStore* snapshots() override { return snapshots_ ? &*snapshots_ : nullptr; }

private:
    using Place = Qcow2Place;
    Place place(uint64_t cluster);
    void read_from(const Place& place, uint64_t offset, std::span<uint8_t> to);
    void read_backing(uint64_t offset, std::span<uint8_t> to);
    const std::vector<uint8_t>& inflate(const Place& place);

    void write_piece(uint64_t offset, std::span<const uint8_t> from);
    uint64_t own_l2_table(uint64_t l1_index);
    void point_to(uint64_t l2_table, uint64_t cluster, uint64_t offset);
    void release(const Place& place);

    uint64_t within(uint64_t offset) const { return offset & (header_.cluster_bytes() - 1); }

    ImageFile file_;
    Qcow2Header header_;
    std::unique_ptr<BlockBackend> backing_;
    ClusterCache cache_;
    std::optional<Qcow2Refcounts> refcounts_;  // only if it is written
    std::vector<uint64_t> l1_;
    std::optional<Qcow2Snapshots> snapshots_;  // only if it is written
    std::vector<uint8_t> inflated_;            // the compressed cluster that was read last
    uint64_t inflated_from_ = 0;               // where it begins in the file; 0 for none
};

}  // namespace ringfold::block
