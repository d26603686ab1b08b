// Tells the format of an image by its first bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ringfold::block {

enum class Format : uint8_t { Raw, Qcow2, Unsupported };

inline constexpr size_t kProbeBytes = 512;

// `start` holds the first kProbeBytes.
Format probe(std::span<const uint8_t> start);
// What an unsupported image is, for messages.
std::string_view unsupported_name(std::span<const uint8_t> start);

}  // namespace ringfold::block
