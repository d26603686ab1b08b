// The 64 words of configuration memory beside an 82540EM, and the three-wire (Microwire) way to read them.
#pragma once

#include <array>
#include <cstdint>

#include "vmm/net/net_port.h"

namespace ringfold {

class E1000Eeprom {
public:
    struct State {
        uint32_t pins = 0;     // what was written to EECD's lines last
        uint32_t shifted = 0;  // bits that came in since chip select rose
        uint8_t bits = 0;      // how many
        uint8_t out = 0;       // bits of the word that went out, once a word is being read
        uint8_t address = 0;
        bool reading = false;

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "pins", pins, "shifted", shifted, "bits", bits, "out", out, "address", address,
                           "reading", reading);
        }
    };

    explicit E1000Eeprom(const net::MacAddress& mac);

    uint16_t word(unsigned index) const { return words_[index % words_.size()]; }
    uint32_t read_pins(const State&) const;  // EECD
    void write_pins(State&, uint32_t value) const;

private:
    std::array<uint16_t, 64> words_{};
};

}  // namespace ringfold
