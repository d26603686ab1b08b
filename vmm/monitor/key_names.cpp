// One table, sorted by name (QEMU's qapi/ui.json names the keys; IBM's set 1 numbers them).
#include "vmm/monitor/key_names.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace ringfold {

namespace {

constexpr std::pair<std::string_view, uint8_t> kKeys[] = {
    {"0", 0x0b},
    {"1", 0x02},
    {"2", 0x03},
    {"3", 0x04},
    {"4", 0x05},
    {"5", 0x06},
    {"6", 0x07},
    {"7", 0x08},
    {"8", 0x09},
    {"9", 0x0a},
    {"a", 0x1e},
    {"ac_back", 0xea},
    {"ac_bookmarks", 0xe6},
    {"ac_forward", 0xe9},
    {"ac_home", 0xb2},
    {"ac_refresh", 0xe7},
    {"alt", 0x38},
    {"alt_r", 0xb8},
    {"apostrophe", 0x28},
    {"asterisk", 0x37},
    {"audiomute", 0xa0},
    {"audionext", 0x99},
    {"audioplay", 0xa2},
    {"audioprev", 0x90},
    {"audiostop", 0xa4},
    {"b", 0x30},
    {"backslash", 0x2b},
    {"backspace", 0x0e},
    {"bracket_left", 0x1a},
    {"bracket_right", 0x1b},
    {"c", 0x2e},
    {"calculator", 0xa1},
    {"caps_lock", 0x3a},
    {"comma", 0x33},
    {"compose", 0xdd},
    {"computer", 0xeb},
    {"ctrl", 0x1d},
    {"ctrl_r", 0x9d},
    {"d", 0x20},
    {"delete", 0xd3},
    {"dot", 0x34},
    {"down", 0xd0},
    {"e", 0x12},
    {"end", 0xcf},
    {"equal", 0x0d},
    {"esc", 0x01},
    {"f", 0x21},
    {"f1", 0x3b},
    {"f10", 0x44},
    {"f11", 0x57},
    {"f12", 0x58},
    {"f2", 0x3c},
    {"f3", 0x3d},
    {"f4", 0x3e},
    {"f5", 0x3f},
    {"f6", 0x40},
    {"f7", 0x41},
    {"f8", 0x42},
    {"f9", 0x43},
    {"g", 0x22},
    {"grave_accent", 0x29},
    {"h", 0x23},
    {"henkan", 0x79},
    {"hiragana", 0x77},
    {"home", 0xc7},
    {"i", 0x17},
    {"insert", 0xd2},
    {"j", 0x24},
    {"k", 0x25},
    {"katakanahiragana", 0x70},
    {"kp_0", 0x52},
    {"kp_1", 0x4f},
    {"kp_2", 0x50},
    {"kp_3", 0x51},
    {"kp_4", 0x4b},
    {"kp_5", 0x4c},
    {"kp_6", 0x4d},
    {"kp_7", 0x47},
    {"kp_8", 0x48},
    {"kp_9", 0x49},
    {"kp_add", 0x4e},
    {"kp_comma", 0x7e},
    {"kp_decimal", 0x53},
    {"kp_divide", 0xb5},
    {"kp_enter", 0x9c},
    {"kp_equals", 0x59},
    {"kp_multiply", 0x37},
    {"kp_subtract", 0x4a},
    {"l", 0x26},
    {"left", 0xcb},
    {"less", 0x56},
    {"m", 0x32},
    {"mail", 0xec},
    {"mediaselect", 0xed},
    {"menu", 0xdd},
    {"meta_l", 0xdb},
    {"meta_r", 0xdc},
    {"minus", 0x0c},
    {"muhenkan", 0x7b},
    {"n", 0x31},
    {"num_lock", 0x45},
    {"o", 0x18},
    {"p", 0x19},
    {"pause", 0xc5},
    {"pgdn", 0xd1},
    {"pgup", 0xc9},
    {"power", 0xde},
    {"print", 0xb7},
    {"q", 0x10},
    {"r", 0x13},
    {"ret", 0x1c},
    {"right", 0xcd},
    {"ro", 0x73},
    {"s", 0x1f},
    {"scroll_lock", 0x46},
    {"semicolon", 0x27},
    {"shift", 0x2a},
    {"shift_r", 0x36},
    {"slash", 0x35},
    {"sleep", 0xdf},
    {"spc", 0x39},
    {"stop", 0xe8},
    {"sysrq", 0x54},
    {"t", 0x14},
    {"tab", 0x0f},
    {"u", 0x16},
    {"up", 0xc8},
    {"v", 0x2f},
    {"volumedown", 0xae},
    {"volumeup", 0xb0},
    {"w", 0x11},
    {"wake", 0xe3},
    {"x", 0x2d},
    {"y", 0x15},
    {"yen", 0x7d},
    {"z", 0x2c},
};

}  // namespace

std::optional<uint8_t> key_numbered(int64_t number) {
    // A code of seven bits, with or without E0: 0x80 alone is no key.
    if (number <= 0 || number > 0xff || number == 0x80) return std::nullopt;
    return static_cast<uint8_t>(number);
}

std::optional<uint8_t> key_named(std::string_view name) {
    if (name.starts_with("0x")) {
        int64_t number = 0;
        const auto [end, error] = std::from_chars(name.data() + 2, name.data() + name.size(), number, 16);
        if (error != std::errc{} || end != name.data() + name.size()) return std::nullopt;
        return key_numbered(number);
    }
    const auto found = std::ranges::lower_bound(kKeys, name, {}, [](const auto& key) { return key.first; });
    if (found == std::end(kKeys) || found->first != name) return std::nullopt;
    return found->second;
}

}  // namespace ringfold
