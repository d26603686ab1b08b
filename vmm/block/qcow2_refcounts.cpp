// Reference counts. Order of writes: a cluster's count rises before anything points to it and falls after nothing
// does, so that a process that dies in between leaves a cluster unused, never one used twice.
#include "vmm/block/qcow2_refcounts.h"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "vmm/block/big_endian.h"
#include "vmm/block/block_backend.h"

namespace ringfold::block {

namespace {

[[noreturn]] void damaged(const std::string& what) {
    throw IoFailure(EIO, "damaged qcow2 image: " + what + "; see qemu-img check");
}

// Count number `i` of a block; counts narrower than a byte begin at its low bits.
uint64_t load_count(std::span<const uint8_t> block, uint64_t i, unsigned order) {
    if (order < 3) {
        const unsigned per_byte = 8u >> order, width = 1u << order;
        return block[i / per_byte] >> (i % per_byte * width) & ((1u << width) - 1);
    }
    const size_t bytes = size_t{1} << (order - 3);
    uint64_t value = 0;
    for (size_t k = 0; k < bytes; k++) value = value << 8 | block[i * bytes + k];
    return value;
}

struct Piece {
    size_t at, length;
    uint8_t bytes[8];
};

Piece store_count(std::span<const uint8_t> block, uint64_t i, unsigned order, uint64_t value) {
    Piece piece{};
    if (order < 3) {
        const unsigned per_byte = 8u >> order, width = 1u << order;
        const auto shift = static_cast<unsigned>(i % per_byte * width);
        const unsigned mask = ((1u << width) - 1) << shift;
        piece = {static_cast<size_t>(i / per_byte), 1, {}};
        piece.bytes[0] = static_cast<uint8_t>((block[piece.at] & ~mask) | static_cast<unsigned>(value) << shift);
        return piece;
    }
    piece.length = size_t{1} << (order - 3);
    piece.at = i * piece.length;
    for (size_t k = piece.length; k-- > 0; value >>= 8) piece.bytes[k] = static_cast<uint8_t>(value);
    return piece;
}

}  // namespace

Qcow2Refcounts::Qcow2Refcounts(const ImageFile& file, Qcow2Header& header, ClusterCache& cache)
    : file_(file), header_(header), cache_(cache) {
    std::vector<uint8_t> bytes(uint64_t{header.refcount_table_clusters} << header.cluster_bits);
    file.read(header.refcount_table_offset, bytes);
    table_.resize(bytes.size() / 8);
    for (size_t i = 0; i < table_.size(); i++) table_[i] = load_be<uint64_t>(&bytes[8 * i]) & ~uint64_t{0x1ff};
}

bool Qcow2Refcounts::has_block(uint64_t cluster) const {
    return table_[cluster / header_.counts_per_block()] != 0;
}

uint64_t Qcow2Refcounts::block_of(uint64_t cluster) const {
    const uint64_t index = cluster / header_.counts_per_block();
    const uint64_t offset = index < table_.size() ? table_[index] : 0;
    if (offset == 0 || offset % header_.cluster_bytes() || header_.overlaps_tables(offset))
        damaged(fmt::format("a refcount block for cluster {:#x} is not where it may be", cluster));
    return offset;
}

uint64_t Qcow2Refcounts::count(uint64_t cluster) {
    return load_count(cache_.at(block_of(cluster)), cluster % header_.counts_per_block(), header_.refcount_order);
}

void Qcow2Refcounts::set_count(uint64_t cluster, uint64_t count) {
    const uint64_t block = block_of(cluster);
    const Piece piece =
        store_count(cache_.at(block), cluster % header_.counts_per_block(), header_.refcount_order, count);
    cache_.store(block, piece.at, {piece.bytes, piece.length});
    if (count == 0) lowest_free_ = std::min(lowest_free_, cluster);
}

// A block for the clusters around `cluster`, none of which is in use: it takes that cluster for itself.
void Qcow2Refcounts::add_block(uint64_t cluster) {
    const uint64_t index = cluster / header_.counts_per_block(), offset = cluster << header_.cluster_bits;
    if (header_.overlaps_tables(offset)) damaged("its tables are not counted");
    std::vector<uint8_t> block(header_.cluster_bytes());
    const Piece piece = store_count(block, cluster % header_.counts_per_block(), header_.refcount_order, 1);
    std::copy_n(piece.bytes, piece.length, block.begin() + static_cast<long>(piece.at));
    cache_.create(offset, std::move(block));
    uint8_t entry[8];
    store_be(entry, offset);
    file_.write(header_.refcount_table_offset + 8 * index, entry);
    table_[index] = offset;
}

// Half as large again and moved behind everything, with the blocks that count it.
void Qcow2Refcounts::grow_table() {
    const uint64_t bits = header_.cluster_bits, per_block = header_.counts_per_block();
    const uint64_t start = table_.size() * per_block;  // the first cluster that has no place for its count
    const uint64_t clusters = header_.refcount_table_clusters + header_.refcount_table_clusters / 2 + 1;
    uint64_t blocks = 1;
    while (blocks * per_block < clusters + blocks) blocks++;
    if (clusters << bits > 8 << 20) throw IoFailure(EFBIG, "the qcow2 image cannot grow further");

    std::vector<uint64_t> table = table_;
    table.resize(clusters << bits >> 3);
    for (uint64_t b = 0; b < blocks; b++) {
        std::vector<uint8_t> block(header_.cluster_bytes());
        for (uint64_t i = 0; i < per_block && b * per_block + i < clusters + blocks; i++) {
            const Piece piece = store_count(block, i, header_.refcount_order, 1);
            std::copy_n(piece.bytes, piece.length, block.begin() + static_cast<long>(piece.at));
        }
        const uint64_t offset = (start + clusters + b) << bits;
        cache_.create(offset, std::move(block));
        table[start / per_block + b] = offset;
    }
    std::vector<uint8_t> bytes(table.size() * 8);
    for (size_t i = 0; i < table.size(); i++) store_be(&bytes[8 * i], table[i]);
    file_.write(start << bits, bytes);
    file_.flush();
    uint8_t fields[12];
    store_be<uint64_t>(fields, start << bits);
    store_be<uint32_t>(fields + 8, static_cast<uint32_t>(clusters));
    file_.write(kRefcountTableField, fields);

    const uint64_t old_offset = header_.refcount_table_offset;
    const uint64_t old_bytes = uint64_t{header_.refcount_table_clusters} << bits;
    header_.refcount_table_offset = start << bits;
    header_.refcount_table_clusters = static_cast<uint32_t>(clusters);
    table_ = std::move(table);
    release(old_offset, old_bytes);
}

uint64_t Qcow2Refcounts::find_free() {
    // Counts may be in use behind the end of the file, but not without end: tables can lead in circles.
    const uint64_t last = (file_.bytes() >> header_.cluster_bits) + (1 << 20);
    for (uint64_t cluster = lowest_free_;; cluster++) {
        if (cluster > last) damaged("everything far behind its end is counted as used");
        if (cluster >= table_.size() * header_.counts_per_block()) {
            grow_table();
            cluster = lowest_free_;
        }
        if (!has_block(cluster)) {
            add_block(cluster);
            continue;
        }
        if (count(cluster) == 0) return cluster;
    }
}

uint64_t Qcow2Refcounts::allocate() {
    const uint64_t cluster = find_free(), offset = cluster << header_.cluster_bits;
    if (header_.overlaps_tables(offset)) damaged("its tables are counted as free");
    if (offset >> 56) throw IoFailure(EFBIG, "the qcow2 image cannot grow further");
    cache_.forget(offset);
    set_count(cluster, 1);
    lowest_free_ = cluster + 1;
    return offset;
}

uint64_t Qcow2Refcounts::allocate_run(uint64_t clusters) {
    std::vector<uint64_t> run;
    std::vector<uint64_t> passed;  // free ones, but not enough of them side by side
    const auto give_back = [this](std::vector<uint64_t>& taken) {
        for (const uint64_t offset : taken) release(offset, 1);
        taken.clear();
    };
    try {
        while (run.size() < clusters) {
            const uint64_t next = allocate();
            if (!run.empty() && next != run.back() + header_.cluster_bytes()) {
                passed.insert(passed.end(), run.begin(), run.end());
                run.clear();
            }
            run.push_back(next);
        }
    } catch (const IoFailure&) {
        give_back(run);
        give_back(passed);
        throw;
    }
    give_back(passed);
    return run.front();
}

void Qcow2Refcounts::share(uint64_t offset, uint64_t length) {
    if (length == 0) return;
    const uint64_t most =
        header_.refcount_order == 6 ? UINT64_MAX : (uint64_t{1} << (1u << header_.refcount_order)) - 1;
    const uint64_t first = offset >> header_.cluster_bits, last = (offset + length - 1) >> header_.cluster_bits;
    for (uint64_t cluster = first; cluster <= last; cluster++) {
        const uint64_t now = count(cluster);
        if (now == 0) damaged(fmt::format("cluster {:#x} is in use and counted as free", cluster));
        if (now == most) throw IoFailure(EFBIG, "the qcow2 image counts no further: it has too many snapshots");
        set_count(cluster, now + 1);
    }
}

void Qcow2Refcounts::release(uint64_t offset, uint64_t length) {
    if (length == 0) return;
    const uint64_t first = offset >> header_.cluster_bits, last = (offset + length - 1) >> header_.cluster_bits;
    for (uint64_t cluster = first; cluster <= last; cluster++) {
        const uint64_t now = count(cluster);
        if (now == 0) damaged(fmt::format("cluster {:#x} is in use and counted as free", cluster));
        if (now == 1) cache_.forget(cluster << header_.cluster_bits);
        set_count(cluster, now - 1);
    }
}

}  // namespace ringfold::block
