// Remembers how instructions were decoded, by their bytes: what is translated again, at another address or in another
// form, and what every function does alike, is not decoded again. A decoding depends on nothing but the bytes, so
// nothing has to be forgotten.
#pragma once

#include <vector>

#include "translator/decode/decoder.h"

namespace ringfold {

class DecodeMemo {
public:
    DecodeMemo() : entries_(size_t{1} << kBits) {}

    // As ringfold::decode().
    DecodeStatus decode(std::span<const uint8_t> bytes, CodeSize size, Instruction& out);

private:
    static constexpr unsigned kBits = 14;
    struct alignas(128) Entry {
        Instruction instruction;  // length 0: none yet
        CodeSize size{};
    };

    std::vector<Entry> entries_;
};

}  // namespace ringfold
