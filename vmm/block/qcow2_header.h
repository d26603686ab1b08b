// The header of a qcow2 image (QEMU, docs/interop/qcow2.txt), checked: what it says here can be used as it is.
#pragma once

#include <cstdint>
#include <string>

#include "vmm/block/image_file.h"

namespace ringfold::block {

struct Qcow2Header {
    uint64_t size = 0;  // the guest's, in bytes
    unsigned cluster_bits = 16;
    uint64_t l1_offset = 0;
    uint32_t l1_entries = 0;
    uint64_t refcount_table_offset = 0;
    uint32_t refcount_table_clusters = 0;
    unsigned refcount_order = 4;  // a count has 1 << order bits
    unsigned version = 3;
    uint64_t autoclear_features = 0;
    std::string backing_file, backing_format;  // empty: none, not said

    uint64_t cluster_bytes() const { return uint64_t{1} << cluster_bits; }
    uint64_t l2_entries() const { return cluster_bytes() / 8; }
    uint64_t counts_per_block() const { return cluster_bytes() * 8 >> refcount_order; }
    // Whether a cluster holds the header, the L1 table or the refcount table: no place for data.
    bool overlaps_tables(uint64_t cluster_offset) const;
};

// Byte offsets of fields that change in a living image.
inline constexpr uint64_t kL1Field = 36, kRefcountTableField = 48, kSnapshotsField = 60, kAutoclearField = 88;

// Throws HostError with the file's name and what is wrong. `for_writing`: an image that was not closed well, which
// can be read, is refused too.
Qcow2Header read_qcow2_header(const ImageFile& file, bool for_writing);

// Writes an empty image of `size` bytes into an empty file; throws IoFailure.
void write_empty_qcow2(const ImageFile& file, uint64_t size);

}  // namespace ringfold::block
