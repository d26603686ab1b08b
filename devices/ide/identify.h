// The 512 bytes that tell a driver what a drive is (ATA-6, 8.15 and 8.16).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace ringfold {

class IdentifyData {
public:
    uint16_t& operator[](unsigned word) { return words_[word]; }
    void set32(unsigned word, uint32_t value);
    void set64(unsigned word, uint64_t value);
    // Two letters in a word, the first in its high byte, filled up with blanks.
    void text(unsigned first_word, unsigned words, std::string_view text);
    // Which DMA modes there are, and which is chosen (SET FEATURES 03's encoding; 0 for none).
    void dma_modes(uint8_t chosen);
    // With the integrity word.
    std::vector<uint8_t> bytes() const;

private:
    std::array<uint16_t, 256> words_{};
};

}  // namespace ringfold
