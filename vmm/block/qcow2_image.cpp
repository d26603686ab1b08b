// Finds the guest's clusters through the L1 and L2 tables, and gives new ones a place.
#include "vmm/block/qcow2_image.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "vmm/block/big_endian.h"

namespace ringfold::block {

namespace {

[[noreturn]] void damaged(const std::string& what) {
    throw IoFailure(EIO, "damaged qcow2 image: " + what + "; see qemu-img check");
}

}  // namespace

Qcow2Image::Qcow2Image(ImageFile file, const Qcow2Header& header, std::unique_ptr<BlockBackend> backing)
    : file_(std::move(file)),
      header_(header),
      backing_(std::move(backing)),
      cache_(file_, header.cluster_bytes()),
      l1_(header.l1_entries) {
    std::vector<uint8_t> bytes(l1_.size() * 8);
    file_.read(header_.l1_offset, bytes);
    for (size_t i = 0; i < l1_.size(); i++) l1_[i] = load_be<uint64_t>(&bytes[8 * i]);
    if (!file_.writable()) return;
    refcounts_.emplace(file_, header_, cache_);
    snapshots_.emplace(Qcow2Tables{file_, header_, cache_, *refcounts_, l1_}, [this] { inflated_from_ = 0; });
    // What other programs keep beside the data (bitmaps of what changed) is no longer true.
    if (header_.autoclear_features) file_.write(kAutoclearField, std::array<uint8_t, 8>{});
}

Qcow2Image::Place Qcow2Image::place(uint64_t cluster) {
    const uint64_t table = l1_[cluster / header_.l2_entries()] & kOffsetMask;
    if (!table) return {};
    if (header_.overlaps_tables(table)) damaged(fmt::format("an L2 table at {:#x} is where none may be", table));
    return decode_entry(header_, load_be<uint64_t>(&cache_.at(table)[cluster % header_.l2_entries() * 8]));
}

void Qcow2Image::read(uint64_t offset, std::span<uint8_t> to) {
    while (!to.empty()) {
        const size_t n = std::min<uint64_t>(to.size(), header_.cluster_bytes() - within(offset));
        read_from(place(offset >> header_.cluster_bits), offset, to.first(n));
        offset += n;
        to = to.subspan(n);
    }
}

// `offset` is the guest's; the bytes lie within one cluster.
void Qcow2Image::read_from(const Place& place, uint64_t offset, std::span<uint8_t> to) {
    switch (place.kind) {
        case Place::Kind::Nowhere:
            return read_backing(offset, to);
        case Place::Kind::Zero:
            memset(to.data(), 0, to.size());
            return;
        case Place::Kind::Plain:
            if (place.offset >= file_.bytes())
                damaged(fmt::format("a cluster at {:#x} lies outside the file", place.offset));
            return file_.read(place.offset + within(offset), to);
        case Place::Kind::Compressed:
            memcpy(to.data(), &inflate(place)[within(offset)], to.size());
            return;
    }
}

void Qcow2Image::read_backing(uint64_t offset, std::span<uint8_t> to) {
    const uint64_t end = backing_ ? backing_->size() : 0;
    const size_t there = offset < end ? std::min<uint64_t>(to.size(), end - offset) : 0;
    if (there) backing_->read(offset, to.first(there));
    std::fill(to.begin() + static_cast<long>(there), to.end(), uint8_t{0});
}

const std::vector<uint8_t>& Qcow2Image::inflate(const Place& place) {
    if (inflated_from_ && inflated_from_ == place.offset) return inflated_;
    inflated_from_ = 0;
    if (place.offset == 0 || place.offset >= file_.bytes())
        damaged(fmt::format("a compressed cluster at {:#x} lies outside the file", place.offset));
    std::vector<uint8_t> packed(place.bytes);
    file_.read(place.offset, packed);
    inflated_.resize(header_.cluster_bytes());
    z_stream stream{};
    stream.next_in = packed.data();
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = inflated_.data();
    stream.avail_out = static_cast<uInt>(inflated_.size());
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw IoFailure(ENOMEM, "no memory to decompress a cluster");
    const int result = ::inflate(&stream, Z_FINISH);
    inflateEnd(&stream);
    // The last sector's rest belongs to another cluster, so the input may go on behind the stream's end.
    if (stream.avail_out || !(result == Z_STREAM_END || result == Z_BUF_ERROR))
        damaged(fmt::format("the compressed cluster at {:#x} cannot be decompressed", place.offset));
    inflated_from_ = place.offset;
    return inflated_;
}

void Qcow2Image::write(uint64_t offset, std::span<const uint8_t> from) {
    while (!from.empty()) {
        const size_t n = std::min<uint64_t>(from.size(), header_.cluster_bytes() - within(offset));
        write_piece(offset, from.first(n));
        offset += n;
        from = from.subspan(n);
    }
}

// Within one cluster.
void Qcow2Image::write_piece(uint64_t offset, std::span<const uint8_t> from) {
    const uint64_t cluster = offset >> header_.cluster_bits;
    const Place old = place(cluster);
    if (old.kind == Place::Kind::Plain && old.exclusive) return file_.write(old.offset + within(offset), from);

    std::vector<uint8_t> whole;
    if (from.size() < header_.cluster_bytes()) {
        whole.resize(header_.cluster_bytes());
        read_from(old, offset - within(offset), whole);
        std::copy(from.begin(), from.end(), whole.begin() + static_cast<long>(within(offset)));
        from = whole;
    }
    const uint64_t table = own_l2_table(cluster / header_.l2_entries());
    if (old.kind == Place::Kind::Zero && old.offset && old.exclusive) {
        file_.write(old.offset, from);
        return point_to(table, cluster, old.offset);
    }
    const uint64_t fresh = refcounts_->allocate();
    try {
        file_.write(fresh, from);
        point_to(table, cluster, fresh);
    } catch (const IoFailure&) {
        refcounts_->release(fresh, 1);
        throw;
    }
    release(old);
}

// The L2 table for that entry of the L1 table, made if there is none, copied if a snapshot uses it too.
uint64_t Qcow2Image::own_l2_table(uint64_t l1_index) {
    const uint64_t entry = l1_[l1_index], old = entry & kOffsetMask;
    if (old && entry & kExclusive) return old;
    std::vector<uint8_t> bytes(header_.cluster_bytes());
    if (old) std::ranges::copy(cache_.at(old), bytes.begin());
    const uint64_t fresh = refcounts_->allocate();
    try {
        cache_.create(fresh, std::move(bytes));
        uint8_t field[8];
        store_be(field, fresh | kExclusive);
        file_.write(header_.l1_offset + 8 * l1_index, field);
    } catch (const IoFailure&) {
        refcounts_->release(fresh, 1);
        throw;
    }
    l1_[l1_index] = fresh | kExclusive;
    if (old) refcounts_->release(old, 1);
    return fresh;
}

void Qcow2Image::point_to(uint64_t l2_table, uint64_t cluster, uint64_t offset) {
    uint8_t entry[8];
    store_be(entry, offset | kExclusive);
    cache_.store(l2_table, cluster % header_.l2_entries() * 8, entry);
}

void Qcow2Image::release(const Place& place) {
    if (!place.offset) return;
    if (place.kind == Place::Kind::Compressed) {
        inflated_from_ = 0;
        refcounts_->release(place.offset, place.bytes);
    } else {
        refcounts_->release(place.offset, 1);
    }
}

void Qcow2Image::flush() {
    if (file_.writable()) file_.flush();
}

}  // namespace ringfold::block
