// Order of writes: counts rise before anything is shared, the header changes in one write behind a flush, and counts
// fall after it. A process that dies in between leaves clusters unused, never one used twice.
#include "vmm/block/qcow2_snapshots.h"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include <fmt/format.h>

#include "vmm/block/big_endian.h"
#include "vmm/block/block_backend.h"
#include "vmm/block/qcow2_entry.h"

namespace ringfold::block {

namespace {

constexpr uint32_t kMostSnapshots = 65536, kMostMore = 1024, kMostL1 = (32 << 20) / 8;
constexpr size_t kFixedBytes = 40, kOurMore = 16;  // the second: the state's 64-bit size, the disk's size

[[noreturn]] void damaged(const std::string& what) {
    throw IoFailure(EIO, "damaged qcow2 image: " + what + "; see qemu-img check");
}

std::vector<uint8_t> to_bytes(const std::vector<uint64_t>& table) {
    std::vector<uint8_t> bytes(table.size() * 8);
    for (size_t i = 0; i < table.size(); i++) store_be(&bytes[8 * i], table[i]);
    return bytes;
}

}  // namespace

uint64_t Qcow2Snapshots::disk_tables() const {
    const uint64_t per_table = t_.header.cluster_bytes() * t_.header.l2_entries();
    return (t_.header.size + per_table - 1) / per_table;
}

Qcow2Snapshots::Table Qcow2Snapshots::load() const {
    uint8_t head[12];
    t_.file.read(kSnapshotsField, head);
    const auto count = load_be<uint32_t>(head);
    Table table{.entries = {}, .offset = load_be<uint64_t>(head + 4), .bytes = 0};
    if (count > kMostSnapshots) damaged("it has too many snapshots");
    const uint64_t file_bytes = t_.file.bytes();
    uint64_t at = table.offset;
    for (uint32_t i = 0; i < count; i++) {
        std::vector<uint8_t> fixed(kFixedBytes);
        if (at > file_bytes || file_bytes - at < kFixedBytes) damaged("its list of snapshots lies outside the file");
        t_.file.read(at, fixed);
        Entry e{.l1_offset = load_be<uint64_t>(&fixed[0]), .l1_entries = load_be<uint32_t>(&fixed[8])};
        const size_t id_bytes = load_be<uint16_t>(&fixed[12]), name_bytes = load_be<uint16_t>(&fixed[14]);
        e.info.date_seconds = load_be<uint32_t>(&fixed[16]);
        e.info.date_nanoseconds = load_be<uint32_t>(&fixed[20]);
        e.info.clock_nanoseconds = load_be<uint64_t>(&fixed[24]);
        e.info.state_bytes = load_be<uint32_t>(&fixed[32]);
        const auto more_bytes = load_be<uint32_t>(&fixed[36]);
        if (more_bytes > kMostMore) damaged("a snapshot says too much of itself");
        std::vector<uint8_t> rest(more_bytes + id_bytes + name_bytes);
        t_.file.read(at + kFixedBytes, rest);
        e.more.assign(rest.begin(), rest.begin() + more_bytes);
        if (e.more.size() >= 8) e.info.state_bytes = load_be<uint64_t>(&e.more[0]);
        e.disk_bytes = e.more.size() >= 16 ? load_be<uint64_t>(&e.more[8]) : t_.header.size;
        const auto id = rest.begin() + more_bytes, name = id + static_cast<long>(id_bytes);
        e.info.id.assign(id, name);
        e.info.name.assign(name, rest.end());
        table.entries.push_back(std::move(e));
        at += (kFixedBytes + rest.size() + 7) / 8 * 8;
    }
    table.bytes = at - table.offset;
    return table;
}

uint64_t Qcow2Snapshots::write_run(std::span<const uint8_t> bytes) {
    const uint64_t cluster = t_.header.cluster_bytes(), clusters = (bytes.size() + cluster - 1) / cluster;
    const uint64_t offset = t_.refcounts.allocate_run(std::max<uint64_t>(clusters, 1));
    std::vector<uint8_t> padded(bytes.begin(), bytes.end());
    padded.resize(std::max<uint64_t>(clusters, 1) * cluster);
    try {
        t_.file.write(offset, padded);
    } catch (const IoFailure&) {
        t_.refcounts.release(offset, padded.size());
        throw;
    }
    return offset;
}

// A list in a new place; then the header points there; then the old place is free.
void Qcow2Snapshots::store(const Table& old, const std::vector<Entry>& entries) {
    std::vector<uint8_t> bytes;
    for (const Entry& e : entries) {
        const size_t at = bytes.size();
        bytes.resize(at + kFixedBytes);
        store_be<uint64_t>(&bytes[at], e.l1_offset);
        store_be<uint32_t>(&bytes[at + 8], e.l1_entries);
        store_be<uint16_t>(&bytes[at + 12], static_cast<uint16_t>(e.info.id.size()));
        store_be<uint16_t>(&bytes[at + 14], static_cast<uint16_t>(e.info.name.size()));
        store_be<uint32_t>(&bytes[at + 16], e.info.date_seconds);
        store_be<uint32_t>(&bytes[at + 20], e.info.date_nanoseconds);
        store_be<uint64_t>(&bytes[at + 24], e.info.clock_nanoseconds);
        store_be<uint32_t>(&bytes[at + 32],
                           static_cast<uint32_t>(e.info.state_bytes > UINT32_MAX ? UINT32_MAX : e.info.state_bytes));
        store_be<uint32_t>(&bytes[at + 36], static_cast<uint32_t>(e.more.size()));
        bytes.insert(bytes.end(), e.more.begin(), e.more.end());
        bytes.insert(bytes.end(), e.info.id.begin(), e.info.id.end());
        bytes.insert(bytes.end(), e.info.name.begin(), e.info.name.end());
        bytes.resize((bytes.size() + 7) / 8 * 8);
    }
    const uint64_t offset = entries.empty() ? 0 : write_run(bytes);
    t_.file.flush();
    uint8_t head[12];
    store_be<uint32_t>(head, static_cast<uint32_t>(entries.size()));
    store_be<uint64_t>(head + 4, offset);
    t_.file.write(kSnapshotsField, head);
    t_.file.flush();
    if (!old.entries.empty()) t_.refcounts.release(old.offset, old.bytes);
}

Qcow2Snapshots::Entry& Qcow2Snapshots::find(Table& table, const std::string& id) {
    const auto found = std::ranges::find(table.entries, id, [](const Entry& e) { return e.info.id; });
    if (found == table.entries.end()) throw IoFailure(ENOENT, fmt::format("there is no snapshot with ID {}", id));
    return *found;
}

Qcow2Snapshots::Tables Qcow2Snapshots::load_l1(const Entry& e) const {
    const uint64_t bytes = uint64_t{e.l1_entries} * 8, file_bytes = t_.file.bytes();
    if (e.l1_entries > kMostL1 || e.l1_offset % t_.header.cluster_bytes() || e.l1_offset > file_bytes ||
        bytes > file_bytes - e.l1_offset)
        damaged(fmt::format("the L1 table of snapshot {} lies outside the file", e.info.id));
    std::vector<uint8_t> raw(bytes);
    t_.file.read(e.l1_offset, raw);
    Tables l1(e.l1_entries);
    for (size_t i = 0; i < l1.size(); i++) l1[i] = load_be<uint64_t>(&raw[8 * i]) & kOffsetMask;
    return l1;
}

// Tells each piece of the file that these tables lead to, once for each way there.
void Qcow2Snapshots::each_use(const Tables& l1, const Use& use) {
    for (const uint64_t entry : l1) {
        const uint64_t table = entry & kOffsetMask;
        if (!table) continue;
        if (t_.header.overlaps_tables(table)) damaged(fmt::format("an L2 table at {:#x} is where none may be", table));
        const auto cached = t_.cache.at(table);
        const std::vector<uint8_t> bytes(cached.begin(), cached.end());  // `use` may turn it out of the cache
        for (size_t i = 0; i < bytes.size(); i += 8) {
            const Qcow2Place place = decode_entry(t_.header, load_be<uint64_t>(&bytes[i]));
            if (place.offset) use(place.offset, place.kind == Qcow2Place::Kind::Compressed ? place.bytes : 1);
        }
        use(table, 1);
    }
}

void Qcow2Snapshots::share(const Tables& l1) {
    std::vector<std::pair<uint64_t, uint64_t>> done;
    try {
        each_use(l1, [&](uint64_t offset, uint64_t length) {
            t_.refcounts.share(offset, length);
            done.emplace_back(offset, length);
        });
    } catch (const IoFailure&) {
        for (const auto& [offset, length] : done) t_.refcounts.release(offset, length);
        throw;
    }
}

void Qcow2Snapshots::release(const Tables& l1) {
    each_use(l1, [&](uint64_t offset, uint64_t length) { t_.refcounts.release(offset, length); });
}

// What the disk's own entries say about being the only user: true to the counts, or no for all.
void Qcow2Snapshots::mark_exclusive(bool none) {
    const auto mark = [&](uint64_t entry, uint64_t offset) {
        return !none && t_.refcounts.users(offset) == 1 ? entry | kExclusive : entry & ~kExclusive;
    };
    for (size_t n = 0; n < t_.l1.size(); n++) {
        const uint64_t table = t_.l1[n] & kOffsetMask;
        if (!table) continue;
        const auto cached = t_.cache.at(table);
        std::vector<uint8_t> bytes(cached.begin(), cached.end());
        for (size_t i = 0; i < bytes.size(); i += 8) {
            const auto entry = load_be<uint64_t>(&bytes[i]);
            const Qcow2Place place = decode_entry(t_.header, entry);
            if (!place.offset || place.kind == Qcow2Place::Kind::Compressed) continue;
            if (const uint64_t marked = mark(entry, place.offset); marked != entry) {
                uint8_t field[8];
                store_be(field, marked);
                t_.cache.store(table, i, field);
            }
        }
        const uint64_t marked = mark(t_.l1[n], table);
        if (marked == t_.l1[n]) continue;
        uint8_t field[8];
        store_be(field, marked);
        t_.file.write(t_.header.l1_offset + 8 * n, field);
        t_.l1[n] = marked;
    }
}

// The state in clusters of its own, and the L2 tables that lead there.
Qcow2Snapshots::Tables Qcow2Snapshots::write_state(std::span<const uint8_t> state) {
    const uint64_t cluster = t_.header.cluster_bytes();
    Tables tables;
    std::vector<uint64_t> taken, l2;
    const auto end_table = [&] {
        if (l2.empty()) return;
        l2.resize(t_.header.l2_entries());
        const uint64_t offset = t_.refcounts.allocate();
        taken.push_back(offset);
        t_.cache.create(offset, to_bytes(l2));
        tables.push_back(offset);
        l2.clear();
    };
    try {
        for (size_t done = 0; done < state.size(); done += cluster) {
            const auto piece = state.subspan(done, std::min<uint64_t>(cluster, state.size() - done));
            std::vector<uint8_t> whole(piece.begin(), piece.end());
            whole.resize(cluster);
            const uint64_t offset = t_.refcounts.allocate();
            taken.push_back(offset);
            t_.file.write(offset, whole);
            l2.push_back(offset);
            if (l2.size() == t_.header.l2_entries()) end_table();
        }
        end_table();
    } catch (const IoFailure&) {
        for (const uint64_t offset : taken) t_.refcounts.release(offset, 1);
        throw;
    }
    return tables;
}

std::vector<SnapshotInfo> Qcow2Snapshots::list() {
    std::vector<SnapshotInfo> all;
    for (Entry& e : load().entries) all.push_back(std::move(e.info));
    return all;
}

void Qcow2Snapshots::create(const SnapshotInfo& info, std::span<const uint8_t> state) {
    const Table table = load();
    if (table.entries.size() >= kMostSnapshots) throw IoFailure(EFBIG, "the qcow2 image has too many snapshots");
    if (info.name.size() > UINT16_MAX) throw IoFailure(ENAMETOOLONG, "a snapshot's name has at most 65535 bytes");
    uint64_t id = 0;
    for (const Entry& e : table.entries) {
        uint64_t n = 0;
        std::from_chars(e.info.id.data(), e.info.id.data() + e.info.id.size(), n);
        id = std::max(id, n);
    }
    Entry e{.info = info, .disk_bytes = t_.header.size, .more = std::vector<uint8_t>(kOurMore)};
    e.info.id = std::to_string(id + 1);
    e.info.state_bytes = state.size();
    store_be<uint64_t>(&e.more[0], state.size());
    store_be<uint64_t>(&e.more[8], t_.header.size);

    Tables disk(t_.l1.begin(), t_.l1.begin() + static_cast<long>(disk_tables()));
    for (uint64_t& entry : disk) entry &= kOffsetMask;
    const Tables beside = write_state(state);
    Tables l1 = disk;
    l1.insert(l1.end(), beside.begin(), beside.end());
    bool shared = false;
    uint64_t l1_bytes = 0;
    try {
        e.l1_entries = static_cast<uint32_t>(l1.size());
        e.l1_offset = write_run(to_bytes(l1));
        l1_bytes = std::max<uint64_t>(l1.size() * 8, 1);
        mark_exclusive(true);
        share(disk);
        shared = true;
        std::vector<Entry> entries = table.entries;
        entries.push_back(e);
        store(table, entries);
    } catch (const IoFailure&) {
        release(beside);
        if (shared) release(disk);
        if (l1_bytes) t_.refcounts.release(e.l1_offset, l1_bytes);
        mark_exclusive(false);
        throw;
    }
}

std::vector<uint8_t> Qcow2Snapshots::read_state(const std::string& id) {
    Table table = load();
    const Entry& e = find(table, id);
    const Tables l1 = load_l1(e);
    const uint64_t cluster = t_.header.cluster_bytes(), per_table = t_.header.l2_entries();
    const uint64_t begins = (e.disk_bytes + cluster * per_table - 1) / (cluster * per_table);
    if (e.info.state_bytes > t_.file.bytes()) damaged(fmt::format("the state of snapshot {} is cut off", id));
    std::vector<uint8_t> state(e.info.state_bytes);
    for (uint64_t done = 0; done < state.size(); done += cluster) {
        const uint64_t n = done / cluster, at = begins + n / per_table;
        const uint64_t l2 = at < l1.size() ? l1[at] : 0;
        if (!l2) damaged(fmt::format("the state of snapshot {} is cut off", id));
        const Qcow2Place place = decode_entry(t_.header, load_be<uint64_t>(&t_.cache.at(l2)[n % per_table * 8]));
        if (place.kind != Qcow2Place::Kind::Plain) damaged(fmt::format("the state of snapshot {} has a hole", id));
        t_.file.read(place.offset, std::span(state).subspan(done, std::min<uint64_t>(cluster, state.size() - done)));
    }
    return state;
}

void Qcow2Snapshots::apply(const std::string& id) {
    Table table = load();
    const Entry& e = find(table, id);
    if (e.disk_bytes / kSectorBytes * kSectorBytes != t_.header.size)
        throw IoFailure(EINVAL, fmt::format("snapshot {} is of a disk of another size", id));
    Tables disk = load_l1(e);
    disk.resize(disk_tables());
    share(disk);
    Tables l1 = disk;
    l1.resize(t_.l1.size());
    uint64_t offset = 0;
    try {
        offset = write_run(to_bytes(l1));
    } catch (const IoFailure&) {
        release(disk);
        throw;
    }
    t_.file.flush();
    uint8_t field[12];
    store_be<uint32_t>(field, static_cast<uint32_t>(l1.size()));
    store_be<uint64_t>(field + 4, offset);
    t_.file.write(kL1Field, field);
    t_.file.flush();
    const Tables before = std::exchange(t_.l1, std::move(l1));
    const uint64_t old_offset = std::exchange(t_.header.l1_offset, offset);
    release(before);
    t_.refcounts.release(old_offset, std::max<uint64_t>(before.size() * 8, 1));
    mark_exclusive(false);
    changed_();
}

void Qcow2Snapshots::remove(const std::string& id) {
    Table table = load();
    const Entry gone = find(table, id);
    const Tables l1 = load_l1(gone);
    std::vector<Entry> rest;
    std::ranges::copy_if(table.entries, std::back_inserter(rest), [&](const Entry& e) { return e.info.id != id; });
    store(table, rest);
    release(l1);
    t_.refcounts.release(gone.l1_offset, std::max<uint64_t>(uint64_t{gone.l1_entries} * 8, 1));
    mark_exclusive(false);
    changed_();
}

}  // namespace ringfold::block
