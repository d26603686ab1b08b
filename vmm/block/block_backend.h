// A disk image as plain bytes: what formats implement and the I/O threads call. Blocking, one caller at a time.
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

#include "vmm/block/snapshot_store.h"

namespace ringfold::block {

inline constexpr uint64_t kSectorBytes = 512;

// An operation on an image failed. `error` is an errno; the text says what was wrong, for the user.
class IoFailure : public std::runtime_error {
public:
    IoFailure(int error, const std::string& what) : std::runtime_error(what), error_(error) {}
    int error() const { return error_; }

private:
    int error_;
};

class BlockBackend {
public:
    virtual ~BlockBackend() = default;
    virtual uint64_t size() const = 0;  // bytes; a multiple of kSectorBytes
    virtual bool read_only() const = 0;
    virtual const char* format() const = 0;  // as -drive format= names it
    // Bytes [offset, offset + length) lie inside size(). All three throw IoFailure; a failed write may have been
    // done in part.
    virtual void read(uint64_t offset, std::span<uint8_t> to) = 0;
    virtual void write(uint64_t offset, std::span<const uint8_t> from) = 0;
    // Returns once all that was written is on the host's disk.
    virtual void flush() = 0;
    // Null where the format has none, or may not be written.
    virtual SnapshotStore* snapshots() { return nullptr; }
};

}  // namespace ringfold::block
