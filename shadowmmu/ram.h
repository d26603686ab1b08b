// Guest RAM: one memfd, mapped once and linearly for the monitor, and piecewise into windows.
//
// Guest-physical [0, size) is RAM but for the hole [0xa0000, 0xc0000), which belongs to the display. Above RAM
// is device memory.
#pragma once

#include <cstdint>

#include "vmm/base/types.h"

namespace ringfold {

class Ram {
public:
    static constexpr uint64_t kMaxBytes = 0xe0000000;  // where a PC's PCI memory begins
    static constexpr uint64_t kDisplayHole = 0xa0000, kDisplayHoleEnd = 0xc0000;

    // `bytes`: a multiple of 4 KiB, 1 MiB to kMaxBytes. Throws HostError when the host has not so much memory.
    explicit Ram(uint64_t bytes);
    ~Ram();
    Ram(const Ram&) = delete;
    Ram& operator=(const Ram&) = delete;

    uint64_t size() const { return bytes_; }
    int fd() const { return fd_; }
    // Is the whole page that holds this address RAM?
    bool contains(GuestPhys a) const {
        return a.value < bytes_ && (a.value < kDisplayHole || a.value >= kDisplayHoleEnd);
    }
    // Host address of a byte of RAM; contains() must hold.
    uint8_t* host(GuestPhys a) const { return base_ + a.value; }
    bool owns(const void* host) const { return host >= base_ && host < base_ + bytes_; }
    GuestPhys physical(const void* host) const {
        return GuestPhys(static_cast<uint64_t>(static_cast<const uint8_t*>(host) - base_));
    }

private:
    uint64_t bytes_;
    int fd_ = -1;
    uint8_t* base_ = nullptr;
};

}  // namespace ringfold
