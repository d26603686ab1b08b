// From what a terminal sends to keys on a US keyboard.
#include "vmm/terminal_keys.h"

#include <array>

namespace ringfold {

namespace {

constexpr char kEscape = 27;
constexpr uint8_t kEscapeKey = 0x01, kBackspaceKey = 0x0e, kTabKey = 0x0f, kEnterKey = 0x1c, kSpaceKey = 0x39;

// The rows of a keyboard, without and with Shift; the first key's set-1 code, then on by one.
struct Row {
    uint8_t first;
    std::string_view plain, shifted;
};
constexpr Row kRows[] = {
    {0x02, "1234567890-=", "!@#$%^&*()_+"},
    {0x10, "qwertyuiop[]", "QWERTYUIOP{}"},
    {0x1e, "asdfghjkl;'`", "ASDFGHJKL:\"~"},
    {0x2b, "\\zxcvbnm,./", "|ZXCVBNM<>?"},
};

// Sequences behind an escape.
struct Sequence {
    std::string_view text;
    uint8_t key;
};
constexpr Sequence kSequences[] = {
    {"[A", 0xc8},   {"[B", 0xd0},   {"[C", 0xcd},   {"[D", 0xcb},   {"OA", 0xc8},   {"OB", 0xd0},   {"OC", 0xcd},
    {"OD", 0xcb},   {"[H", 0xc7},   {"[F", 0xcf},   {"OH", 0xc7},   {"OF", 0xcf},   {"[1~", 0xc7},  {"[2~", 0xd2},
    {"[3~", 0xd3},  {"[4~", 0xcf},  {"[5~", 0xc9},  {"[6~", 0xd1},  {"OP", 0x3b},   {"OQ", 0x3c},   {"OR", 0x3d},
    {"OS", 0x3e},   {"[[A", 0x3b},  {"[[B", 0x3c},  {"[[C", 0x3d},  {"[[D", 0x3e},  {"[[E", 0x3f},  {"[11~", 0x3b},
    {"[12~", 0x3c}, {"[13~", 0x3d}, {"[14~", 0x3e}, {"[15~", 0x3f}, {"[17~", 0x40}, {"[18~", 0x41}, {"[19~", 0x42},
    {"[20~", 0x43}, {"[21~", 0x44}, {"[23~", 0x57}, {"[24~", 0x58},
};

const Sequence* sequence_at(std::string_view text) {
    for (const Sequence& s : kSequences)
        if (text.starts_with(s.text)) return &s;
    return nullptr;
}

}  // namespace

std::optional<KeyStroke> us_key(uint8_t ascii) {
    switch (ascii) {
        case '\r':
        case '\n':
            return KeyStroke{.key = kEnterKey};
        case '\t':
            return KeyStroke{.key = kTabKey};
        case '\b':
        case 0x7f:
            return KeyStroke{.key = kBackspaceKey};
        case kEscape:
            return KeyStroke{.key = kEscapeKey};
        case ' ':
            return KeyStroke{.key = kSpaceKey};
    }
    for (const Row& row : kRows) {
        const auto plain = row.plain.find(static_cast<char>(ascii)),
                   shifted = row.shifted.find(static_cast<char>(ascii));
        if (plain != std::string_view::npos) return KeyStroke{.key = static_cast<uint8_t>(row.first + plain)};
        if (shifted != std::string_view::npos)
            return KeyStroke{.key = static_cast<uint8_t>(row.first + shifted), .shift = true};
    }
    if (ascii >= 1 && ascii <= 26) {
        KeyStroke stroke = *us_key(static_cast<uint8_t>('a' + ascii - 1));
        stroke.ctrl = true;
        return stroke;
    }
    return std::nullopt;
}

std::vector<KeyStroke> decode_terminal_keys(std::string_view bytes) {
    std::vector<KeyStroke> strokes;
    while (!bytes.empty()) {
        bool alt = false;
        if (bytes[0] == kEscape && bytes.size() > 1) {
            bytes.remove_prefix(1);
            if (const Sequence* s = sequence_at(bytes)) {
                strokes.push_back({.key = s->key});
                bytes.remove_prefix(s->text.size());
                continue;
            }
            alt = true;
        }
        if (auto stroke = us_key(static_cast<uint8_t>(bytes[0]))) {
            stroke->alt = alt;
            strokes.push_back(*stroke);
        }
        bytes.remove_prefix(1);
    }
    return strokes;
}

}  // namespace ringfold
