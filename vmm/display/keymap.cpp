// The layouts are xkb's; its key codes are those of Linux's input layer, plus 8.
#include "vmm/display/keymap.h"

#include <memory>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <linux/input-event-codes.h>
#include <xkbcommon/xkbcommon.h>

#include "vmm/base/result.h"

namespace ringfold {

namespace {

constexpr unsigned kXkbOffset = 8;
constexpr xkb_level_index_t kLevels = 4;  // plain, Shift, AltGr, both

// Where QEMU's name of a layout is not xkb's.
constexpr std::pair<std::string_view, const char*> kNames[] = {
    {"en-us", "us"}, {"en-gb", "gb"}, {"da", "dk"},    {"sv", "se"},        {"et", "ee"},    {"ja", "jp"},
    {"sl", "si"},    {"pt-br", "br"}, {"de-ch", "ch"}, {"fr-ch", "ch(fr)"}, {"fr-be", "be"}, {"fr-ca", "ca"}};

// Keys behind an E0, and those whose number Linux chose anew. The others have their set-1 code.
constexpr std::pair<unsigned, uint8_t> kOthers[] = {
    {KEY_KPENTER, 0x9c}, {KEY_RIGHTCTRL, 0x9d}, {KEY_KPSLASH, 0xb5},          {KEY_SYSRQ, 0xb7},   {KEY_RIGHTALT, 0xb8},
    {KEY_HOME, 0xc7},    {KEY_UP, 0xc8},        {KEY_PAGEUP, 0xc9},           {KEY_LEFT, 0xcb},    {KEY_RIGHT, 0xcd},
    {KEY_END, 0xcf},     {KEY_DOWN, 0xd0},      {KEY_PAGEDOWN, 0xd1},         {KEY_INSERT, 0xd2},  {KEY_DELETE, 0xd3},
    {KEY_PAUSE, 0xc5},   {KEY_LEFTMETA, 0xdb},  {KEY_RIGHTMETA, 0xdc},        {KEY_COMPOSE, 0xdd}, {KEY_RO, 0x73},
    {KEY_YEN, 0x7d},     {KEY_HENKAN, 0x79},    {KEY_KATAKANAHIRAGANA, 0x70}, {KEY_MUHENKAN, 0x7b}};

std::optional<uint8_t> pc_key(unsigned linux_code) {
    for (const auto& [code, key] : kOthers)
        if (code == linux_code) return key;
    if (linux_code >= KEY_ESC && linux_code <= KEY_F12) return static_cast<uint8_t>(linux_code);
    return std::nullopt;
}

struct Release {
    void operator()(xkb_context* c) const { xkb_context_unref(c); }
    void operator()(xkb_keymap* k) const { xkb_keymap_unref(k); }
};

std::unique_ptr<xkb_keymap, Release> compile(xkb_context& context, std::string layout) {
    for (const auto& [qemu, xkb] : kNames)
        if (layout == qemu) layout = xkb;
    std::string variant;
    if (const auto open = layout.find('('); open != std::string::npos && layout.back() == ')') {
        variant = layout.substr(open + 1, layout.size() - open - 2);
        layout.resize(open);
    }
    const xkb_rule_names names{
        .rules = "evdev", .model = "pc105", .layout = layout.c_str(), .variant = variant.c_str(), .options = ""};
    return std::unique_ptr<xkb_keymap, Release>(
        xkb_keymap_new_from_names(&context, &names, XKB_KEYMAP_COMPILE_NO_FLAGS));
}

}  // namespace

Keymap::Keymap(const std::string& layout) {
    const std::unique_ptr<xkb_context, Release> context(xkb_context_new(XKB_CONTEXT_NO_ENVIRONMENT_NAMES));
    if (!context) throw HostError("-k: no keyboard layouts on this host; install Debian's package xkb-data");
    xkb_context_set_log_level(context.get(), XKB_LOG_LEVEL_CRITICAL);
    const auto keymap = layout.empty() ? nullptr : compile(*context, layout);
    if (!keymap)
        throw HostError(
            fmt::format("-k {}: no such keyboard layout, or Debian's package xkb-data is not installed; the "
                        "layouts are those of xkb, for example us, de, fr or ch(fr)",
                        layout));
    // A symbol on several keys is taken where it needs fewest others held down.
    for (xkb_level_index_t level = 0; level < kLevels; ++level)
        for (unsigned code = KEY_ESC; code <= KEY_COMPOSE; ++code) {
            const auto key = pc_key(code);
            const xkb_keysym_t* symbols = nullptr;
            if (key && xkb_keymap_key_get_syms_by_level(keymap.get(), code + kXkbOffset, 0, level, &symbols) == 1)
                keys_.emplace(symbols[0], *key);
        }
}

std::optional<uint8_t> Keymap::key(uint32_t keysym) const {
    const auto found = keys_.find(keysym);
    return found == keys_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace ringfold
