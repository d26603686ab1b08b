// Snapshots inside an image, where its format has them: the disk at one moment, and beside it whatever state the
// machine had then.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace ringfold::block {

struct SnapshotInfo {
    std::string id;                                   // a number, for a new one given by the store
    std::string name;                                 // not empty
    uint32_t date_seconds = 0, date_nanoseconds = 0;  // since 1970
    uint64_t clock_nanoseconds = 0;                   // of the machine
    uint64_t state_bytes = 0;
};

// All throw IoFailure. Nobody else uses the image meanwhile.
class SnapshotStore {
public:
    virtual ~SnapshotStore() = default;
    virtual std::vector<SnapshotInfo> list() = 0;
    // All or nothing. One of the same name stays.
    virtual void create(const SnapshotInfo& info, std::span<const uint8_t> state) = 0;
    virtual std::vector<uint8_t> read_state(const std::string& id) = 0;
    // The disk is as it was then.
    virtual void apply(const std::string& id) = 0;
    virtual void remove(const std::string& id) = 0;
};

}  // namespace ringfold::block
