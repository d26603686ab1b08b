// A local APIC's IRR, ISR or TMR: one bit for each vector, in eight registers of 32.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace ringfold {

class VectorSet {
public:
    bool contains(uint8_t vector) const { return words_[vector / 32] >> (vector % 32) & 1; }
    void add(uint8_t vector) { words_[vector / 32] |= 1u << (vector % 32); }
    void remove(uint8_t vector) { words_[vector / 32] &= ~(1u << (vector % 32)); }
    void put(uint8_t vector, bool in) { in ? add(vector) : remove(vector); }
    uint32_t word(unsigned n) const { return words_[n & 7]; }
    // The highest vector, or -1.
    int highest() const {
        for (int n = 7; n >= 0; --n)
            if (const uint32_t word = words_[static_cast<size_t>(n)]) return n * 32 + 31 - std::countl_zero(word);
        return -1;
    }

    template <class Archive>
    void describe(Archive& archive) {
        archive.fields(*this, "words", words_);
    }

private:
    std::array<uint32_t, 8> words_{};
};

}  // namespace ringfold
