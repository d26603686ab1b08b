// From what a terminal sends to keys on a US keyboard.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace ringfold {

// `key` as Ps2Keyboard::key() takes it, with the keys held down meanwhile.
struct KeyStroke {
    uint8_t key = 0;
    bool shift = false, ctrl = false, alt = false;
    bool operator==(const KeyStroke&) const = default;
};

// The stroke that types this character; none for what a US keyboard cannot type.
std::optional<KeyStroke> us_key(uint8_t ascii);

// What came from a terminal at one moment: characters, control characters, and the escape sequences of xterm, VT220 and
// the Linux console. An escape that nothing follows is the key of that name; before a character it is Alt. What means
// no key is left out.
std::vector<KeyStroke> decode_terminal_keys(std::string_view bytes);

}  // namespace ringfold
