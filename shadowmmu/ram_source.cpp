// Opens the file, and says in one line what is wrong with the folder or its space.
#include "shadowmmu/ram_source.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "vmm/base/result.h"

namespace ringfold {

namespace {

int open_in(const std::string& folder) {
    const auto refuse = [&](const char* why) { throw HostError(fmt::format("-mem-path {}: {}", folder, why)); };
    struct stat what;
    struct statfs system;
    if (stat(folder.c_str(), &what) != 0 || statfs(folder.c_str(), &system) != 0) refuse(strerror(errno));
    if (!S_ISDIR(what.st_mode)) refuse("not a folder; give one on a tmpfs, for example /dev/shm");
    if (system.f_type == HUGETLBFS_MAGIC)
        refuse("hugetlbfs does not map its files in pieces of 4 KiB, as windows do; for huge pages give a folder on a "
               "tmpfs mounted with -o huge=always");
    std::string name = folder + "/ringfold-ram-XXXXXX";
    const int fd = mkostemp(name.data(), O_CLOEXEC);
    if (fd < 0) refuse(strerror(errno));
    unlink(name.c_str());
    return fd;
}

}  // namespace

int RamSource::open() const {
    if (!folder.empty()) return open_in(folder);
    const int fd = memfd_create("ringfold-ram", MFD_CLOEXEC);
    if (fd < 0) throw HostError(fmt::format("guest RAM: memfd_create: {}", strerror(errno)));
    return fd;
}

void RamSource::allocate(std::span<uint8_t> ram) const {
    if (madvise(ram.data(), ram.size(), MADV_POPULATE_WRITE) == 0) return;
    const std::string option = folder.empty() ? "-mem-prealloc" : "-mem-path " + folder;
    if (errno == EINVAL) throw HostError(option + ": this host's kernel does not allocate ahead, which takes Linux 5.14");
    // EFAULT stands for the SIGBUS that a store would have met: see madvise(2).
    throw HostError(fmt::format("{}: no room for {} MiB: {}; give a smaller -m", option, ram.size() >> 20,
                                errno == EFAULT ? "the file system is full" : strerror(errno)));
}

}  // namespace ringfold
