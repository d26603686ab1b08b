// What an entry of a qcow2 L2 table says (QEMU, docs/interop/qcow2.txt).
#pragma once

#include <cstdint>

#include "vmm/block/qcow2_header.h"

namespace ringfold::block {

inline constexpr uint64_t kExclusive = uint64_t{1} << 63, kCompressed = uint64_t{1} << 62, kReadsAsZeros = 1;
inline constexpr uint64_t kOffsetMask = 0x00ff'ffff'ffff'fe00;

// Where a guest cluster's bytes are.
struct Qcow2Place {
    enum class Kind : uint8_t { Nowhere, Zero, Plain, Compressed } kind = Kind::Nowhere;
    uint64_t offset = 0;     // in the file; 0 for zeros that have no cluster set aside
    uint64_t bytes = 0;      // Compressed: at most so many
    bool exclusive = false;  // nobody else uses the cluster
};

// Throws IoFailure for a place where no cluster may be.
Qcow2Place decode_entry(const Qcow2Header& header, uint64_t entry);

}  // namespace ringfold::block
