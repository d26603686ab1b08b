// Takes an L2 entry apart.
#include "vmm/block/qcow2_entry.h"

#include <cerrno>

#include <fmt/format.h>

#include "vmm/block/block_backend.h"

namespace ringfold::block {

Qcow2Place decode_entry(const Qcow2Header& header, uint64_t entry) {
    if (entry & kCompressed) {
        const unsigned size_at = 62 - (header.cluster_bits - 8);
        Qcow2Place p{.kind = Qcow2Place::Kind::Compressed, .offset = entry & ((uint64_t{1} << size_at) - 1)};
        const uint64_t sectors = ((entry & (kCompressed - 1)) >> size_at) + 1;
        p.bytes = sectors * kSectorBytes - p.offset % kSectorBytes;
        return p;
    }
    Qcow2Place p{.offset = entry & kOffsetMask, .exclusive = (entry & kExclusive) != 0};
    if (entry & kReadsAsZeros && header.version >= 3)
        p.kind = Qcow2Place::Kind::Zero;
    else if (p.offset)
        p.kind = Qcow2Place::Kind::Plain;
    if (p.offset && (p.offset % header.cluster_bytes() || header.overlaps_tables(p.offset)))
        throw IoFailure(
            EIO,
            fmt::format("damaged qcow2 image: a cluster at {:#x} is where none may be; see qemu-img check", p.offset));
    return p;
}

}  // namespace ringfold::block
