// The formats of PC floppy disks.
#pragma once

#include <cstdint>
#include <optional>

namespace ringfold {

// Data rates as the controller's registers number them.
enum class FloppyRate : uint8_t { Kbps500 = 0, Kbps300 = 1, Kbps250 = 2, Kbps1000 = 3 };
// Drives as the PC's CMOS numbers them.
enum class FloppyDriveType : uint8_t { None = 0, K360 = 1, M1_2 = 2, K720 = 3, M1_44 = 4, M2_88 = 5 };

struct FloppyGeometry {
    uint8_t tracks = 0, heads = 0, sectors = 0;  // sectors of 512 bytes on a track
    FloppyRate rate = FloppyRate::Kbps500;
    FloppyDriveType drive = FloppyDriveType::M1_44;
    constexpr uint32_t total() const { return uint32_t{tracks} * heads * sectors; }
};

// The format of an image: the one of exactly that size, or the smallest that it fits in (an image may be cut off behind
// what is used). None if it is too large for any.
std::optional<FloppyGeometry> floppy_geometry(uint64_t image_sectors);

}  // namespace ringfold
