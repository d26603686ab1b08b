#include "translator/engine/vcpu_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>

#include <fmt/format.h>

#include "vmm/base/result.h"

namespace ringfold {

namespace {

constexpr size_t kBytes = VcpuMemory::kPollPage + kPageSize;

void* reserve(size_t bytes) {
    return mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

}  // namespace

VcpuMemory::VcpuMemory() {
    const int fd = memfd_create("ringfold-vcpu", MFD_CLOEXEC);
    void *all = reserve(bytes_ = kBytes + kDifferences), *at = MAP_FAILED;
    const bool compares = all != MAP_FAILED;
    if (!compares) all = reserve(bytes_ = kBytes);
    if (fd >= 0 && ftruncate(fd, sizeof(VcpuContext)) == 0 && all != MAP_FAILED &&
        mprotect(all, kBytes, PROT_READ | PROT_WRITE) == 0)
        at = mmap(all, sizeof(VcpuContext), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
    if (at == MAP_FAILED) {
        const int error = errno;
        if (fd >= 0) close(fd);
        if (all != MAP_FAILED) munmap(all, bytes_);
        throw HostError(fmt::format("cannot get memory for the vCPU's state: {}", strerror(error)));
    }
    context_ = new (at) VcpuContext;
    context_->backing_fd = fd;
    context_->compares = compares;
}

VcpuMemory::~VcpuMemory() {
    const int fd = context_->backing_fd;
    context_->~VcpuContext();
    munmap(context_, bytes_);
    close(fd);
}

}  // namespace ringfold
