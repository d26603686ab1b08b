// QEMU's names of keys (QKeyCode), as sendkey and QMP's send-key take them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ringfold {

// As Ps2Keyboard::key() takes it: the set-1 code, plus 0x80 for keys that send E0 first. "0x1e" is such a number
// itself.
std::optional<uint8_t> key_named(std::string_view name);
std::optional<uint8_t> key_numbered(int64_t number);

}  // namespace ringfold
