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
constexpr size_t kBytes = kPageSize + sizeof(VcpuContext);
}

VcpuMemory::VcpuMemory() {
    const int fd = memfd_create("ringfold-vcpu", MFD_CLOEXEC);
    void *both = MAP_FAILED, *at = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, sizeof(VcpuContext)) == 0)
        both = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (both != MAP_FAILED)
        at = mmap(static_cast<uint8_t*>(both) + kPageSize, sizeof(VcpuContext), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
    if (at == MAP_FAILED) {
        const int error = errno;
        if (fd >= 0) close(fd);
        throw HostError(fmt::format("cannot get memory for the vCPU's state: {}", strerror(error)));
    }
    context_ = new (at) VcpuContext;
    context_->backing_fd = fd;
}

VcpuMemory::~VcpuMemory() {
    const int fd = context_->backing_fd;
    context_->~VcpuContext();
    munmap(const_cast<void*>(poll_page(*context_)), kBytes);
    close(fd);
}

}  // namespace ringfold
