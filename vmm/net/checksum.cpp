// Internet and Ethernet checksums.
#include "vmm/net/checksum.h"

#include <zlib.h>

namespace ringfold::net {

uint32_t internet_sum(std::span<const uint8_t> bytes, uint32_t start) {
    uint64_t sum = start;
    size_t n = 0;
    for (; n + 1 < bytes.size(); n += 2) sum += static_cast<uint32_t>(bytes[n] << 8 | bytes[n + 1]);
    if (n < bytes.size()) sum += static_cast<uint32_t>(bytes[n] << 8);
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint32_t>(sum);
}

uint16_t internet_checksum(uint32_t sum) {
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(~sum);
}

uint32_t frame_check_sequence(std::span<const uint8_t> frame) {
    return static_cast<uint32_t>(::crc32(0, frame.data(), static_cast<uInt>(frame.size())));
}

}  // namespace ringfold::net
