// Numbers as image formats store them.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace ringfold::block {

template <std::unsigned_integral T>
T load_be(const uint8_t* from) {
    T value = 0;
    for (size_t i = 0; i < sizeof(T); i++) value = static_cast<T>(value << 8 | from[i]);
    return value;
}

template <std::unsigned_integral T>
void store_be(uint8_t* to, T value) {
    for (size_t i = sizeof(T); i-- > 0; value = static_cast<T>(value >> 8)) to[i] = static_cast<uint8_t>(value);
}

}  // namespace ringfold::block
