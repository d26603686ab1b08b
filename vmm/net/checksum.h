// The checksums of network protocols, over bytes as they lie on the wire.
#pragma once

#include <cstdint>
#include <span>

namespace ringfold::net {

// The one's-complement sum of 16-bit big-endian words, with an odd last byte padded (RFC 1071), added to `start`.
uint32_t internet_sum(std::span<const uint8_t> bytes, uint32_t start = 0);
// What belongs in a checksum field: the folded sum's complement.
uint16_t internet_checksum(uint32_t sum);

// The CRC-32 that ends an Ethernet frame; its four bytes go out low byte first.
uint32_t frame_check_sequence(std::span<const uint8_t> frame);

}  // namespace ringfold::net
