// The memory that translations live in: one region of bounded size, executable under one address and writable
// under another, filled round and round.
#pragma once

#include <asmjit/core.h>

#include <cstddef>
#include <cstdint>

namespace ringfold {

class CodeCache {
public:
    // `bytes`: capacity. Throws HostError if the host gives no executable memory.
    explicit CodeCache(size_t bytes);
    // At that executable address, which must be reserved for it and stays so.
    CodeCache(size_t bytes, uint32_t at);
    ~CodeCache();
    CodeCache(const CodeCache&) = delete;
    CodeCache& operator=(const CodeCache&) = delete;

    // The next range of at least `bytes`, as an executable address. It may hold old translations: whoever fills
    // it must have evicted them.
    static constexpr size_t kAlignment = 16, kLine = 64;  // kLine: the host's
    const uint8_t* reserve(size_t bytes, size_t alignment = kAlignment);
    // Copies code to the start of the reserved range, which the next one then lies behind.
    void commit(const uint8_t* at, const void* code, size_t bytes);
    void overwrite(const uint8_t* at, const void* code, size_t bytes);
    void patch_rel32(const uint8_t* field, const uint8_t* target);

    bool owns(const void* p) const { return p >= rx_ && p < rx_ + bytes_; }
    const uint8_t* begin() const { return rx_; }
    const uint8_t* end() const { return rx_ + bytes_; }
    size_t capacity() const { return bytes_; }
    // What lies before the next free range is never reused: the stubs live there.
    void keep() { floor_ = cursor_; }

private:
    uint8_t* writable(const uint8_t* rx) { return rw_ + (rx - rx_); }

    asmjit::VirtMem::DualMapping mapping_{};
    bool placed_ = false;  // rw_ is a mapping of our own, rx_ lies in somebody's
    const uint8_t* rx_ = nullptr;
    uint8_t* rw_ = nullptr;
    size_t bytes_, cursor_ = 0, floor_ = 0;
};

}  // namespace ringfold
