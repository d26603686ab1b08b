// Tells the format of an image by its first bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ringfold::block {

enum class Format : uint8_t { Raw, Qcow2, Foreign };

inline constexpr size_t kProbeBytes = 512;

// `start` holds the first kProbeBytes.
Format probe(std::span<const uint8_t> start);
// QEMU's name of a foreign format; else empty.
std::string_view foreign_name(std::span<const uint8_t> start);

}  // namespace ringfold::block
