// The formats, the usual ones first.
#include "devices/floppy/floppy_geometry.h"

namespace ringfold {

namespace {

using Rate = FloppyRate;
using Type = FloppyDriveType;

constexpr FloppyGeometry kFormats[] = {
    {80, 2, 18, Rate::Kbps500, Type::M1_44}, {80, 2, 36, Rate::Kbps1000, Type::M2_88},
    {80, 2, 15, Rate::Kbps500, Type::M1_2},  {80, 2, 9, Rate::Kbps250, Type::M1_44},
    {40, 2, 9, Rate::Kbps250, Type::K360},   {40, 1, 9, Rate::Kbps250, Type::K360},
    {40, 2, 8, Rate::Kbps250, Type::K360},   {40, 1, 8, Rate::Kbps250, Type::K360},
    {80, 2, 21, Rate::Kbps500, Type::M1_44}, {82, 2, 21, Rate::Kbps500, Type::M1_44},
    {83, 2, 21, Rate::Kbps500, Type::M1_44}, {80, 2, 20, Rate::Kbps500, Type::M1_44},
};
constexpr FloppyGeometry kCutOff[] = {kFormats[0], kFormats[8], kFormats[1]};

}  // namespace

std::optional<FloppyGeometry> floppy_geometry(uint64_t image_sectors) {
    for (const FloppyGeometry& format : kFormats)
        if (format.total() == image_sectors) return format;
    for (const FloppyGeometry& format : kCutOff)
        if (image_sectors <= format.total()) return format;
    return std::nullopt;
}

}  // namespace ringfold
