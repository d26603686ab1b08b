// Guest RAM: one file, mapped once and linearly for the monitor, and piecewise into windows.
//
// Guest-physical [0, size) is RAM but for the hole [0xa0000, 0xc0000), which belongs to the display. Above RAM
// is device memory. Behind RAM in the file lies the display card's memory, which the CPU reaches where the card and the
// bus put it, at several places at once or nowhere: see place().
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "shadowmmu/ram_source.h"
#include "vmm/base/types.h"

namespace ringfold {

class Ram {
public:
    static constexpr uint64_t kMaxBytes = 0xe0000000;  // where a PC's PCI memory begins
    static constexpr uint64_t kDisplayHole = 0xa0000, kDisplayHoleEnd = 0xc0000;

    // `bytes`: a multiple of 4 KiB, 1 MiB to kMaxBytes; `display_bytes`: a multiple of 4 KiB, to 256 MiB. Throws
    // HostError when the host has not so much memory, or `source` not so much room.
    explicit Ram(uint64_t bytes, uint64_t display_bytes = 0, const RamSource& source = {});
    ~Ram();
    Ram(const Ram&) = delete;
    Ram& operator=(const Ram&) = delete;

    uint64_t size() const { return bytes_; }
    // With the display's memory: what a table by page of the file has to cover.
    uint64_t file_bytes() const { return bytes_ + display_bytes_; }
    int fd() const { return fd_; }
    // Does the whole page that holds this place lie in the file?
    bool contains(GuestPhys a) const {
        return a.value < file_bytes() && (a.value < kDisplayHole || a.value >= kDisplayHoleEnd);
    }
    // Host address of a byte of the file; contains() must hold.
    uint8_t* host(GuestPhys a) const { return base_ + a.value; }
    bool owns(const void* host) const { return host >= base_ && host < base_ + file_bytes(); }
    GuestPhys physical(const void* host) const {
        return GuestPhys(static_cast<uint64_t>(static_cast<const uint8_t*>(host) - base_));
    }

    // Display memory that the CPU addresses as it does RAM: whole pages, `offset` from the display memory's start.
    struct DisplayWindow {
        GuestPhys at;
        uint64_t length, offset;
        bool operator==(const DisplayWindow&) const = default;
    };
    // What lies in RAM or outside the display's memory is left out.
    void show_display(std::span<const DisplayWindow> windows);
    std::span<const DisplayWindow> display_windows() const { return windows_; }
    std::span<uint8_t> display() const { return {base_ + bytes_, display_bytes_}; }
    bool is_display(GuestPhys place) const { return place.value - bytes_ < display_bytes_; }

    // From an address that the CPU puts out to the place by which everything else here, traces and translations too,
    // knows what is there: RAM is at its own address, display memory at its offset in the file, and device memory beyond
    // all addresses that there are.
    GuestPhys place(GuestPhys address) const {
        const bool ram = address.value < bytes_ && (address.value < kDisplayHole || address.value >= kDisplayHoleEnd);
        return ram ? address : place_beside_ram(address);
    }
    // The address of device memory, by its place.
    static GuestPhys device_address(GuestPhys place) { return GuestPhys(place.value & ~kDevice); }

private:
    static constexpr uint64_t kDevice = uint64_t{1} << 40;  // physical addresses have 36 bits

    GuestPhys place_beside_ram(GuestPhys address) const;
    void unmap();

    uint64_t bytes_, display_bytes_;
    std::vector<DisplayWindow> windows_;
    int fd_ = -1;
    uint8_t* base_ = nullptr;
};

}  // namespace ringfold
