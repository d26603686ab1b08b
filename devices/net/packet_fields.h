// Numbers in descriptors and packets, by their byte order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ringfold::net {

inline uint64_t get_le(std::span<const uint8_t> from, size_t at, unsigned size) {
    uint64_t value = 0;
    for (unsigned n = 0; n < size; ++n) value |= uint64_t{from[at + n]} << (8 * n);
    return value;
}
inline void put_le(std::span<uint8_t> to, size_t at, uint64_t value, unsigned size) {
    for (unsigned n = 0; n < size; ++n) to[at + n] = static_cast<uint8_t>(value >> (8 * n));
}
inline uint32_t get_be(std::span<const uint8_t> from, size_t at, unsigned size) {
    uint32_t value = 0;
    for (unsigned n = 0; n < size; ++n) value = value << 8 | from[at + n];
    return value;
}
inline void put_be(std::span<uint8_t> to, size_t at, uint32_t value, unsigned size) {
    for (unsigned n = 0; n < size; ++n) to[at + n] = static_cast<uint8_t>(value >> (8 * (size - 1 - n)));
}

}  // namespace ringfold::net
