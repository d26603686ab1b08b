// An image without a format: the file is the disk.
#pragma once

#include "vmm/block/block_backend.h"
#include "vmm/block/image_file.h"

namespace ringfold::block {

class RawImage final : public BlockBackend {
public:
    // `guessed`: nobody said that it is raw. Then the guest may not make its first sector look like another format:
    // the next start would believe it, and open whatever host file the guest had named there as backing file.
    RawImage(ImageFile file, bool guessed);

    // A last sector that is not whole reads with zeros behind it, and becomes whole once it is written.
    uint64_t size() const override { return size_; }
    const char* format() const override { return "raw"; }
    bool read_only() const override { return !file_.writable(); }
    void read(uint64_t offset, std::span<uint8_t> to) override { file_.read(offset, to); }
    void write(uint64_t offset, std::span<const uint8_t> from) override;
    void flush() override;

private:
    ImageFile file_;
    bool guessed_;
    uint64_t size_;
};

}  // namespace ringfold::block
