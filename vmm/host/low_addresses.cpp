// The low end of the process's addresses.
#include "vmm/host/low_addresses.h"

#include <sys/mman.h>

#include <fstream>

#include "vmm/base/types.h"

namespace ringfold::host {

uint64_t least_address() {
    uint64_t least = 64 * 1024;
    std::ifstream("/proc/sys/vm/mmap_min_addr") >> least;
    return (least + kPageSize - 1) & ~uint64_t{kPageSize - 1};
}

bool reserve_addresses(uint64_t from, uint64_t to) {
    constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    return mmap(reinterpret_cast<void*>(from), to - from, PROT_NONE, kFlags, -1, 0) != MAP_FAILED;
}

}  // namespace ringfold::host
