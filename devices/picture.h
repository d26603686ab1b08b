// What a screen shows at one moment, as pixels and as text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ringfold {

struct Picture {
    unsigned width = 0, height = 0;
    std::vector<uint8_t> rgb;  // three bytes for each pixel, rows from the top
};

// A screen of characters. Empty in graphics modes.
struct TextScreen {
    struct Cell {
        uint8_t character = 0;  // in the PC's code page 437
        uint8_t attribute = 0;  // bits 0-3 foreground, 4-6 background, 7 blinks or is background too
    };
    unsigned columns = 0, rows = 0;
    std::vector<Cell> cells;
    int cursor_column = -1, cursor_row = -1;  // -1: it is not shown

    // One line for each row, without the blanks at its end, in UTF-8.
    std::string text() const;
};

// The character that code page 437 shows for a byte.
char32_t from_code_page_437(uint8_t);

}  // namespace ringfold
