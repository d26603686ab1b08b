#include "translator/engine/vcpu_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>

#include <fmt/format.h>

#include "vmm/base/result.h"

namespace ringfold {

VcpuMemory::VcpuMemory() {
    const int fd = memfd_create("ringfold-vcpu", MFD_CLOEXEC);
    void* at = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, sizeof(VcpuContext)) == 0)
        at = mmap(nullptr, sizeof(VcpuContext), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
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
    munmap(context_, sizeof(VcpuContext));
    close(fd);
}

}  // namespace ringfold
