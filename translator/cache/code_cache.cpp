// The code cache's memory.
#include "translator/cache/code_cache.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "vmm/base/result.h"

namespace ringfold {

CodeCache::CodeCache(size_t bytes) : bytes_(bytes) {
    if (asmjit::VirtMem::allocDualMapping(&mapping_, bytes, asmjit::VirtMem::MemoryFlags::kAccessRWX) != asmjit::kErrorOk)
        throw HostError("cannot get executable memory for the code cache; allow memfd_create, or use -accel interp");
    rx_ = static_cast<const uint8_t*>(mapping_.rx);
    rw_ = static_cast<uint8_t*>(mapping_.rw);
}

CodeCache::CodeCache(size_t bytes, uint32_t at) : placed_(true), bytes_(bytes) {
    const int fd = memfd_create("ringfold-code", MFD_CLOEXEC);
    void *rx = MAP_FAILED, *rw = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, static_cast<off_t>(bytes)) == 0) {
        rx = mmap(reinterpret_cast<void*>(uintptr_t{at}), bytes, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, fd, 0);
        rw = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (fd >= 0) close(fd);
    if (rx == MAP_FAILED || rw == MAP_FAILED)
        throw HostError("cannot get executable memory for the code cache; allow memfd_create, or use -accel interp");
    rx_ = static_cast<const uint8_t*>(rx);
    rw_ = static_cast<uint8_t*>(rw);
}

CodeCache::~CodeCache() {
    if (placed_) {
        munmap(rw_, bytes_);
        return;
    }
    asmjit::VirtMem::releaseDualMapping(&mapping_, bytes_);
}

const uint8_t* CodeCache::reserve(size_t bytes, size_t alignment) {
    cursor_ = (cursor_ + alignment - 1) & ~(alignment - 1);
    if (cursor_ + bytes > bytes_) cursor_ = (floor_ + alignment - 1) & ~(alignment - 1);
    return rx_ + cursor_;
}

void CodeCache::commit(const uint8_t* at, const void* code, size_t bytes) {
    memcpy(writable(at), code, bytes);
    cursor_ = static_cast<size_t>(at - rx_) + bytes;
}

void CodeCache::overwrite(const uint8_t* at, const void* code, size_t bytes) {
    memcpy(writable(at), code, bytes);
}

void CodeCache::patch_rel32(const uint8_t* field, const uint8_t* target) {
    const auto distance = static_cast<int32_t>(target - (field + 4));
    memcpy(writable(field), &distance, 4);
}

}  // namespace ringfold
