// An image in a format that QEMU knows and we do not: a qemu-nbd of our own serves it, and ends with us.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "vmm/block/block_backend.h"

struct nbd_handle;

namespace ringfold::block {

// As -drive format= and qemu-nbd name them.
std::span<const std::string_view> foreign_formats();

class NbdImage final : public BlockBackend {
public:
    // `name` begins messages. Throws HostError: one line, with what qemu-nbd says. qemu-nbd locks the image as we do.
    NbdImage(const std::string& path, const std::string& format, bool read_only, const std::string& name);
    ~NbdImage() override;
    NbdImage(const NbdImage&) = delete;
    NbdImage& operator=(const NbdImage&) = delete;

    uint64_t size() const override { return size_; }
    const char* format() const override { return format_.c_str(); }
    bool read_only() const override { return read_only_; }
    void read(uint64_t offset, std::span<uint8_t> to) override;
    void write(uint64_t offset, std::span<const uint8_t> from) override;
    void flush() override;

private:
    struct Sectors;

    nbd_handle* handle_ = nullptr;
    std::string format_;
    bool read_only_;
    uint64_t size_ = 0;
};

}  // namespace ringfold::block
