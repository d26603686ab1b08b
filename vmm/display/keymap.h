// Which key of a PC's keyboard a viewer pressed, from the symbol that it says was on it (X11's keysyms).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

namespace ringfold {

class Keymap {
public:
    // `layout`: QEMU's name of one ("en-us", "de", "fr-ch") or xkb's, with a variant: "us", "de", "ch(fr)". The guest
    // must be set to the same. Throws HostError if there is no such layout, or no layouts on this host.
    explicit Keymap(const std::string& layout);

    // As Ps2Keyboard::key() takes it; none if the layout has no key with that symbol.
    std::optional<uint8_t> key(uint32_t keysym) const;

private:
    std::unordered_map<uint32_t, uint8_t> keys_;
};

}  // namespace ringfold
