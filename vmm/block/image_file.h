// The host file behind an image: positioned reads and writes that do all or throw IoFailure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "vmm/host/fd.h"

namespace ringfold::block {

class ImageFile {
public:
    // Opens an existing regular file or block device; throws HostError with `name` first.
    ImageFile(const std::string& path, bool writable, std::string name);
    // A new file without a name, for what nobody keeps; throws HostError.
    static ImageFile temporary(std::string name);

    // What lies behind the end of the file reads as zeros.
    void read(uint64_t offset, std::span<uint8_t> to) const;
    void write(uint64_t offset, std::span<const uint8_t> from) const;
    void flush() const;
    uint64_t bytes() const;

    int fd() const { return fd_.get(); }
    bool writable() const { return writable_; }
    const std::string& name() const { return name_; }  // for messages
    // Two files are the same if this is.
    std::pair<uint64_t, uint64_t> identity() const;

private:
    ImageFile(host::Fd fd, std::string name) : name_(std::move(name)), writable_(true), fd_(std::move(fd)) {}

    std::string name_;
    bool writable_;
    host::Fd fd_;
};

}  // namespace ringfold::block
