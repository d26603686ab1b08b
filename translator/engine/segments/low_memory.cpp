// Reservation of the low 4 GiB.
#include "translator/engine/segments/low_memory.h"

#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

#include "vmm/base/result.h"

namespace ringfold::segments {

namespace {

std::atomic<bool> taken = false;

void* map(uint64_t at, uint64_t bytes, int protection, int flags, int fd = -1) {
    return mmap(reinterpret_cast<void*>(at), bytes, protection, flags, fd, 0);
}

bool reserve(uint64_t from) {
    constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    return map(from, kFourGib - from, PROT_NONE, kFlags) != MAP_FAILED;
}

uint64_t least_address() {
    uint64_t least = 64 * 1024;
    std::ifstream("/proc/sys/vm/mmap_min_addr") >> least;
    return (least + kPageSize - 1) & ~uint64_t{kPageSize - 1};
}

// The mapping that lies lowest, as the host lists it.
std::string lowest_mapping() {
    std::string line;
    std::ifstream maps("/proc/self/maps");
    std::getline(maps, line);
    return line;
}

}  // namespace

LowMemory::LowMemory(const VcpuContext& context, const Hole& hole) : hole_(hole) {
    if (context.backing_fd < 0) throw HostError("-engine segments: the vCPU's state cannot be shared");
    if (taken.exchange(true)) throw HostError("-engine segments: one machine of the process has the low 4 GiB already");
    begin_ = 0;  // only the privileged may map page 0
    if (!reserve(begin_) && !reserve(begin_ = least_address())) {
        const int error = errno;
        taken = false;
        throw HostError(fmt::format("-engine segments needs the low 4 GiB of its addresses, but cannot have them: {} "
                                    "(the lowest mapping is {}); raise RLIMIT_AS (ulimit -v), do not use ulimit -s "
                                    "unlimited, setarch -L or a sanitizer, or use -engine windows",
                                    strerror(error), lowest_mapping()));
    }
    constexpr int kFixed = MAP_FIXED;
    const bool done =
        map(hole.begin, kContextBytes, PROT_READ | PROT_WRITE, MAP_SHARED | kFixed, context.backing_fd) != MAP_FAILED &&
        map(hole.begin + kContextBytes, hole.state_bytes - kContextBytes, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | kFixed) != MAP_FAILED;
    if (done) return;
    const int error = errno;
    release();
    throw HostError(fmt::format("-engine segments: cannot map the vCPU's state below 4 GiB: {}", strerror(error)));
}

LowMemory::~LowMemory() {
    release();
}

void LowMemory::release() {
    munmap(reinterpret_cast<void*>(begin_), kFourGib - begin_);
    taken = false;
}

}  // namespace ringfold::segments
