// The internal snapshots of a qcow2 image (QEMU, docs/interop/qcow2.txt, "Snapshots"): each is an L1 table of its own.
// What it leads to is shared with the disk, counted once for each, and copied when the disk is written. The machine's
// state lies in clusters behind the disk's end, which only the snapshot's table leads to.
#pragma once

#include <functional>
#include <vector>

#include "vmm/block/cluster_cache.h"
#include "vmm/block/qcow2_header.h"
#include "vmm/block/qcow2_refcounts.h"
#include "vmm/block/snapshot_store.h"

namespace ringfold::block {

// A living image's tables, which are its owner's.
struct Qcow2Tables {
    const ImageFile& file;
    Qcow2Header& header;
    ClusterCache& cache;
    Qcow2Refcounts& refcounts;
    std::vector<uint64_t>& l1;
};

class Qcow2Snapshots final : public SnapshotStore {
public:
    // `changed` hears that clusters may have other contents than before.
    Qcow2Snapshots(const Qcow2Tables& tables, std::function<void()> changed)
        : t_(tables), changed_(std::move(changed)) {}

    std::vector<SnapshotInfo> list() override;
    void create(const SnapshotInfo& info, std::span<const uint8_t> state) override;
    std::vector<uint8_t> read_state(const std::string& id) override;
    void apply(const std::string& id) override;
    void remove(const std::string& id) override;

private:
    struct Entry {
        SnapshotInfo info;
        uint64_t l1_offset = 0, disk_bytes = 0;
        uint32_t l1_entries = 0;
        std::vector<uint8_t> more;  // what later versions of the format have said behind
    };
    struct Table {
        std::vector<Entry> entries;
        uint64_t offset = 0, bytes = 0;  // where it is in the file
    };
    using Tables = std::vector<uint64_t>;
    using Use = std::function<void(uint64_t offset, uint64_t length)>;

    Table load() const;
    void store(const Table& old, const std::vector<Entry>& entries);
    static Entry& find(Table& table, const std::string& id);
    Tables load_l1(const Entry& entry) const;
    uint64_t write_run(std::span<const uint8_t> bytes);
    uint64_t disk_tables() const;  // L1 entries that lead to the disk; those behind lead to a machine's state
    void each_use(const Tables& l1, const Use& use);
    void share(const Tables& l1);
    void release(const Tables& l1);
    void mark_exclusive(bool none);
    Tables write_state(std::span<const uint8_t> state);

    Qcow2Tables t_;
    std::function<void()> changed_;
};

}  // namespace ringfold::block
