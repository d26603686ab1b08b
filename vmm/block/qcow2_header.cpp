// Reads, checks and writes qcow2 headers.
#include "vmm/block/qcow2_header.h"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "vmm/base/result.h"
#include "vmm/block/big_endian.h"
#include "vmm/block/block_backend.h"

namespace ringfold::block {

namespace {

constexpr size_t kVersion2Bytes = 72, kVersion3Bytes = 104;
constexpr uint32_t kBackingFormat = 0xe2792aca;
constexpr uint64_t kDirty = 1, kCorrupt = 2, kExternalData = 4, kCompressionType = 8, kExtendedL2 = 16;
// The limits that QEMU has too: they bound what a header of a few bytes can make us read.
constexpr uint64_t kMaxL1Bytes = 32 << 20, kMaxRefcountTableBytes = 8 << 20;
constexpr uint64_t kMaxSize = uint64_t{1} << 55;
constexpr uint32_t kMaxBackingName = 1023;

struct Reader {
    const ImageFile& file;
    std::vector<uint8_t> bytes;  // the first cluster, or what there is of it

    [[noreturn]] void refuse(const std::string& what) const {
        throw HostError(fmt::format("{}: damaged qcow2 image: {}; try qemu-img check", file.name(), what));
    }
    [[noreturn]] void unsupported(const std::string& what) const {
        throw HostError(
            fmt::format("{}: {} in a qcow2 image is not supported; make one without by qemu-img convert -O "
                        "qcow2 OLD NEW",
                        file.name(), what));
    }
    uint32_t u32(size_t at) const { return load_be<uint32_t>(&bytes[at]); }
    uint64_t u64(size_t at) const { return load_be<uint64_t>(&bytes[at]); }
};

void check_table(const Reader& r, const Qcow2Header& h, const char* what, uint64_t offset, uint64_t length) {
    if (offset % h.cluster_bytes()) r.refuse(fmt::format("the {} is not at the start of a cluster", what));
    const uint64_t file_bytes = r.file.bytes();
    if (offset == 0 || offset > file_bytes || length > file_bytes - offset)
        r.refuse(fmt::format("the {} lies outside the file", what));
}

void check_features(const Reader& r, uint64_t features, bool for_writing) {
    if (features & kExternalData) r.unsupported("an external data file");
    if (features & kExtendedL2) r.unsupported("extended L2 entries (subclusters)");
    if (features & ~(kDirty | kCorrupt | kCompressionType))
        r.unsupported(fmt::format("an unknown feature ({:#x})", features));
    if (for_writing && features & (kDirty | kCorrupt))
        throw HostError(fmt::format("{}: the qcow2 image is marked as {}; repair it by qemu-img check -r all",
                                    r.file.name(), features & kCorrupt ? "corrupt" : "not closed well"));
}

// The version 3 fields; returns the header's length.
size_t read_version3(const Reader& r, Qcow2Header& h, bool for_writing) {
    if (r.bytes.size() < kVersion3Bytes) r.refuse("the header is cut off");
    check_features(r, r.u64(72), for_writing);
    h.autoclear_features = r.u64(88);
    h.refcount_order = r.u32(96);
    if (h.refcount_order > 6) r.refuse("the width of its reference counts is none");
    const uint32_t length = r.u32(100);
    if (length < kVersion3Bytes || length > h.cluster_bytes()) r.refuse("the header's length is wrong");
    if (r.u64(72) & kCompressionType && r.bytes.size() > kVersion3Bytes && r.bytes[104] != 0)
        r.unsupported("zstd compression");
    return length;
}

void read_extensions(const Reader& r, Qcow2Header& h, size_t at, size_t end) {
    while (at + 8 <= end) {
        const uint32_t type = r.u32(at), length = r.u32(at + 4);
        at += 8;
        if (type == 0) return;
        if (length > end - at) r.refuse("a header extension reaches too far");
        if (type == kBackingFormat) h.backing_format.assign(reinterpret_cast<const char*>(&r.bytes[at]), length);
        at += (uint64_t{length} + 7) / 8 * 8;
    }
}

// The name of the backing file; returns where it begins, which is where extensions end.
size_t read_backing_name(const Reader& r, Qcow2Header& h) {
    const uint64_t offset = r.u64(8);
    const uint32_t length = r.u32(16);
    if (offset == 0) return r.bytes.size();
    if (length == 0 || length > kMaxBackingName || offset > r.bytes.size() || length > r.bytes.size() - offset)
        r.refuse("the backing file's name lies outside the header's cluster");
    h.backing_file.assign(reinterpret_cast<const char*>(&r.bytes[offset]), length);
    if (std::any_of(h.backing_file.begin(), h.backing_file.end(), [](char c) { return static_cast<uint8_t>(c) < ' '; }))
        r.refuse("the backing file's name is not a name");
    return offset;
}

void check_geometry(const Reader& r, const Qcow2Header& h) {
    if (h.size > kMaxSize) r.refuse("its size is impossible");
    const uint64_t per_l2 = h.cluster_bytes() * h.l2_entries();
    if (h.l1_entries > kMaxL1Bytes / 8 || h.l1_entries < (h.size + per_l2 - 1) / per_l2)
        r.refuse("the L1 table's length does not fit its size");
    if (h.l1_entries) check_table(r, h, "L1 table", h.l1_offset, uint64_t{h.l1_entries} * 8);
    const uint64_t table_bytes = uint64_t{h.refcount_table_clusters} << h.cluster_bits;
    if (table_bytes == 0 || table_bytes > kMaxRefcountTableBytes) r.refuse("the refcount table's length is wrong");
    check_table(r, h, "refcount table", h.refcount_table_offset, table_bytes);
}

}  // namespace

bool Qcow2Header::overlaps_tables(uint64_t cluster_offset) const {
    const auto meets = [&](uint64_t start, uint64_t length) {
        return cluster_offset < start + length && start < cluster_offset + cluster_bytes();
    };
    return cluster_offset < cluster_bytes() || meets(l1_offset, uint64_t{l1_entries} * 8) ||
           meets(refcount_table_offset, uint64_t{refcount_table_clusters} << cluster_bits);
}

Qcow2Header read_qcow2_header(const ImageFile& file, bool for_writing) {
    Reader r{file, std::vector<uint8_t>(std::min<uint64_t>(file.bytes(), kVersion2Bytes))};
    file.read(0, r.bytes);
    if (r.bytes.size() < kVersion2Bytes || r.u32(0) != 0x514649fb)
        throw HostError(fmt::format("{}: not a qcow2 image; say format=raw if it has no format", file.name()));
    Qcow2Header h{.size = r.u64(24),
                  .cluster_bits = r.u32(20),
                  .l1_offset = r.u64(40),
                  .l1_entries = r.u32(36),
                  .refcount_table_offset = r.u64(48),
                  .refcount_table_clusters = r.u32(56),
                  .version = r.u32(4)};
    if (h.version != 2 && h.version != 3) r.unsupported(fmt::format("version {}", h.version));
    if (h.cluster_bits < 9 || h.cluster_bits > 21) r.refuse("its cluster size is impossible");
    if (r.u32(32) != 0) r.unsupported("encryption");
    r.bytes.resize(std::min(file.bytes(), h.cluster_bytes()));
    file.read(0, r.bytes);
    const size_t length = h.version == 3 ? read_version3(r, h, for_writing) : kVersion2Bytes;
    read_extensions(r, h, length, read_backing_name(r, h));
    check_geometry(r, h);
    // A size that is not whole sectors would have bytes that no guest can reach.
    h.size = h.size / kSectorBytes * kSectorBytes;
    return h;
}

void write_empty_qcow2(const ImageFile& file, uint64_t size) {
    constexpr uint64_t kCluster = 65536, kPerL2 = kCluster * (kCluster / 8);
    const auto l1_entries = static_cast<uint32_t>((size + kPerL2 - 1) / kPerL2);
    const uint64_t l1_clusters = std::max<uint64_t>((uint64_t{l1_entries} * 8 + kCluster - 1) / kCluster, 1);
    constexpr uint64_t kTable = 1, kBlock = 2, kL1 = 3;  // cluster numbers
    std::vector<uint8_t> all((kL1 + l1_clusters) * kCluster);
    store_be<uint32_t>(&all[0], 0x514649fb);
    store_be<uint32_t>(&all[4], 3);
    store_be<uint32_t>(&all[20], 16);
    store_be<uint64_t>(&all[24], size);
    store_be<uint32_t>(&all[36], l1_entries);
    store_be<uint64_t>(&all[40], kL1 * kCluster);
    store_be<uint64_t>(&all[48], kTable * kCluster);
    store_be<uint32_t>(&all[56], 1);
    store_be<uint32_t>(&all[96], 4);
    store_be<uint32_t>(&all[100], kVersion3Bytes);
    store_be<uint64_t>(&all[kTable * kCluster], kBlock * kCluster);
    for (uint64_t i = 0; i < kL1 + l1_clusters; i++) store_be<uint16_t>(&all[kBlock * kCluster + 2 * i], 1);
    file.write(0, all);
}

}  // namespace ringfold::block
