// The code cache's memory.
#include "translator/cache/code_cache.h"

#include <cstring>

#include "vmm/base/result.h"

namespace ringfold {

namespace {
constexpr size_t kAlignment = 16;
}

CodeCache::CodeCache(size_t bytes) : bytes_(bytes) {
    if (asmjit::VirtMem::allocDualMapping(&mapping_, bytes, asmjit::VirtMem::MemoryFlags::kAccessRWX) != asmjit::kErrorOk)
        throw HostError("cannot get executable memory for the code cache; allow memfd_create, or use -accel interp");
    rx_ = static_cast<const uint8_t*>(mapping_.rx);
    rw_ = static_cast<uint8_t*>(mapping_.rw);
}

CodeCache::~CodeCache() {
    asmjit::VirtMem::releaseDualMapping(&mapping_, bytes_);
}

const uint8_t* CodeCache::reserve(size_t bytes) {
    if (cursor_ + bytes > bytes_) cursor_ = floor_;
    return rx_ + cursor_;
}

void CodeCache::commit(const uint8_t* at, const void* code, size_t bytes) {
    memcpy(writable(at), code, bytes);
    cursor_ = (static_cast<size_t>(at - rx_) + bytes + kAlignment - 1) & ~(kAlignment - 1);
}

void CodeCache::overwrite(const uint8_t* at, const void* code, size_t bytes) {
    memcpy(writable(at), code, bytes);
}

void CodeCache::patch_rel32(const uint8_t* field, const uint8_t* target) {
    const auto distance = static_cast<int32_t>(target - (field + 4));
    memcpy(writable(field), &distance, 4);
}

}  // namespace ringfold
