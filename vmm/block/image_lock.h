// Keeps a second writer away from an image that somebody uses, in the byte ranges that QEMU's programs lock too: an
// image in use here is refused by qemu-img, and the other way round. The lock goes with the file descriptor, however
// the process ends.
#pragma once

#include "vmm/block/image_file.h"

namespace ringfold::block {

// Any number of readers, or one writer; throws HostError if somebody is in the way.
void lock_image(const ImageFile& file, bool writer);

}  // namespace ringfold::block
