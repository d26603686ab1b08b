// Characters of a text screen as Unicode.
#include <string_view>

#include "devices/picture.h"

namespace ringfold {

namespace {

// Below 0x20 and above 0x7e the PC's character ROM has pictures of its own; 0 and 0xff show nothing.
constexpr std::u32string_view kLow = U" ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼";
constexpr std::u32string_view kHigh =
    U"⌂ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀"
    U"αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ ";
static_assert(kLow.size() == 0x20 && kHigh.size() == 0x81);

void append_utf8(std::string& to, char32_t c) {
    if (c < 0x80) {
        to += static_cast<char>(c);
    } else if (c < 0x800) {
        to += static_cast<char>(0xc0 | c >> 6);
        to += static_cast<char>(0x80 | (c & 0x3f));
    } else {
        to += static_cast<char>(0xe0 | c >> 12);
        to += static_cast<char>(0x80 | (c >> 6 & 0x3f));
        to += static_cast<char>(0x80 | (c & 0x3f));
    }
}

}  // namespace

char32_t from_code_page_437(uint8_t c) {
    if (c < 0x20) return kLow[c];
    return c < 0x7f ? c : kHigh[c - 0x7fu];
}

std::string TextScreen::text() const {
    std::string all;
    for (unsigned row = 0; row < rows; ++row) {
        std::string line;
        size_t shown = 0;
        for (unsigned column = 0; column < columns; ++column) {
            const char32_t c = from_code_page_437(cells[row * columns + column].character);
            append_utf8(line, c);
            if (c != U' ') shown = line.size();
        }
        line.resize(shown);
        all += line + '\n';
    }
    return all;
}

}  // namespace ringfold
