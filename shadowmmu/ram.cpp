// Makes guest RAM, or says in one line why this host cannot.
#include "shadowmmu/ram.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include <fmt/format.h>
#include <sys/mman.h>

#include "vmm/base/result.h"
#include "vmm/base/types.h"

namespace ringfold {

namespace {

constexpr uint64_t kMiB = 1 << 20;

// What the kernel thinks can be allocated without swapping; 0 if it does not say.
uint64_t host_available_bytes() {
    std::ifstream meminfo("/proc/meminfo");
    std::string key, unit;
    uint64_t kib;
    while (meminfo >> key >> kib >> unit)
        if (key == "MemAvailable:") return kib * 1024;
    return 0;
}

void check_size(uint64_t bytes) {
    if (bytes == 0) throw HostError("-m: the guest needs memory; give a size such as -m 256");
    if (bytes % kPageSize)
        throw HostError(fmt::format("-m: {} bytes is not a multiple of 4 KiB; give a size in MiB", bytes));
    if (bytes < kMiB)
        throw HostError(fmt::format("-m: {} KiB is too little for a PC; give 1 MiB or more", bytes / 1024));
    if (bytes > Ram::kMaxBytes)
        throw HostError(fmt::format("-m: {} MiB does not fit below a PC's PCI memory; give at most -m {}", bytes / kMiB,
                                    Ram::kMaxBytes / kMiB));
    const uint64_t available = host_available_bytes();
    if (available && bytes > available)
        throw HostError(
            fmt::format("-m: {} MiB is more than the {} MiB that this host has available; give a smaller -m",
                        bytes / kMiB, available / kMiB));
}

}  // namespace

Ram::Ram(uint64_t bytes, uint64_t display_bytes, const RamSource& source)
    : bytes_(bytes), display_bytes_(display_bytes) {
    check_size(bytes);
    fd_ = source.open();
    void* base = MAP_FAILED;
    if (ftruncate(fd_, static_cast<off_t>(file_bytes())) == 0)
        base = mmap(nullptr, file_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd_, 0);
    if (base == MAP_FAILED) {
        const int error = errno;
        close(fd_);
        throw HostError(
            fmt::format("-m: cannot map {} MiB of guest RAM: {}; give a smaller -m", bytes / kMiB, strerror(error)));
    }
    base_ = static_cast<uint8_t*>(base);
    // Advice: where the host has no huge pages for shared memory this changes nothing.
    madvise(base_, bytes_, MADV_HUGEPAGE);
    madvise(base_, file_bytes(), MADV_DONTDUMP);
    if (source.allocates()) try {
            source.allocate({base_, file_bytes()});
        } catch (...) {
            unmap();
            throw;
        }
}

Ram::~Ram() {
    unmap();
}

void Ram::unmap() {
    munmap(base_, file_bytes());
    close(fd_);
}

void Ram::show_display(std::span<const DisplayWindow> windows) {
    windows_.clear();
    for (const DisplayWindow& w : windows)
        if ((w.at.value | w.length | w.offset) % kPageSize == 0 && w.offset <= display_bytes_ &&
            w.length <= display_bytes_ - w.offset)
            windows_.push_back(w);
}

GuestPhys Ram::place_beside_ram(GuestPhys address) const {
    for (const DisplayWindow& w : windows_)
        if (const uint64_t in = address.value - w.at.value; in < w.length) return GuestPhys(bytes_ + w.offset + in);
    return GuestPhys(address.value | kDevice);
}

}  // namespace ringfold
