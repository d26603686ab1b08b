// A kernel or initrd file held in memory, read only through checks: a hostile file gives a clear error.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringfold {

class Image {
public:
    // Reads the whole file; throws HostError if it is missing, empty or longer than `limit` bytes. `option` is the
    // command-line option that named it, for the message; `remedy` is for what is too long.
    static Image read(std::string_view option, const std::string& path, uint64_t limit,
                      std::string_view remedy = "give the guest more memory with -m");
    Image(std::string name, std::vector<uint8_t> bytes) : name_(std::move(name)), bytes_(std::move(bytes)) {}

    const std::string& name() const { return name_; }  // "-kernel PATH"
    uint64_t size() const { return bytes_.size(); }
    bool holds(uint64_t offset, uint64_t length) const { return offset <= size() && length <= size() - offset; }

    // Little-endian fields and ranges; throw HostError "truncated" when they lie outside the file.
    uint8_t u8(uint64_t offset) const { return slice(offset, 1)[0]; }
    uint16_t u16(uint64_t offset) const;
    uint32_t u32(uint64_t offset) const;
    uint64_t u64(uint64_t offset) const { return u32(offset) | uint64_t{u32(offset + 4)} << 32; }
    std::span<const uint8_t> slice(uint64_t offset, uint64_t length) const;

    // Throws HostError "-kernel PATH: <what>".
    [[noreturn]] void fail(std::string_view what) const;

private:
    std::string name_;
    std::vector<uint8_t> bytes_;
};

}  // namespace ringfold
