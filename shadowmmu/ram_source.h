// Where the file of guest RAM comes from: anonymous, or in a folder of the user's choice, QEMU's -mem-path.
//
// A folder on tmpfs decides by its mount option huge= (tmpfs(5)) whether RAM gets huge pages, whatever the host's setting for
// anonymous shared memory. hugetlbfs is refused: mmap(2) takes its files only in whole huge pages, and windows are made
// of pieces of 4 KiB.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace ringfold {

struct RamSource {
    std::string folder{};   // empty: anonymous
    bool at_once = false;   // -mem-prealloc: all of it at start

    // The folder's space may be taken by others later, which would come to light in the middle of an access.
    bool allocates() const { return at_once || !folder.empty(); }
    // A file without a name, empty. Throws HostError.
    int open() const;
    // Has the host allocate what is mapped there. Throws HostError when it cannot.
    void allocate(std::span<uint8_t> ram) const;
};

}  // namespace ringfold
