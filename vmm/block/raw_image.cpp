// Raw images.
#include "vmm/block/raw_image.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "vmm/block/probe.h"

namespace ringfold::block {

RawImage::RawImage(ImageFile file, bool guessed)
    : file_(std::move(file)),
      guessed_(guessed),
      size_((file_.bytes() + kSectorBytes - 1) / kSectorBytes * kSectorBytes) {}

void RawImage::write(uint64_t offset, std::span<const uint8_t> from) {
    if (guessed_ && offset < kProbeBytes) {
        std::array<uint8_t, kProbeBytes> start;
        file_.read(0, start);
        std::copy_n(from.begin(), std::min<size_t>(from.size(), kProbeBytes - offset),
                    start.begin() + static_cast<long>(offset));
        if (probe(start) != Format::Raw)
            throw IoFailure(EPERM,
                            "the guest writes the header of another image format to the first sector, which is "
                            "refused because the format was only guessed; say format=raw to allow it");
    }
    file_.write(offset, from);
}

void RawImage::flush() {
    if (file_.writable()) file_.flush();
}

}  // namespace ringfold::block
