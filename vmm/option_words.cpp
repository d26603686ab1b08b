// Takes options apart.
#include "vmm/option_words.h"

#include <charconv>

#include <fmt/format.h>

#include "vmm/base/result.h"

namespace ringfold {

OptionWord take_option_word(std::string_view& list) {
    std::string word;
    while (!list.empty()) {
        const char c = list.front();
        list.remove_prefix(1);
        if (c == ',') {
            if (!list.starts_with(',')) break;
            list.remove_prefix(1);
        }
        word += c;
    }
    const auto equals = word.find('=');
    if (equals == std::string::npos) return {word, "", false};
    return {word.substr(0, equals), word.substr(equals + 1), true};
}

std::optional<bool> option_on_off(std::string_view value) {
    for (const std::string_view yes : {"on", "yes", "true", "y"})
        if (value == yes) return true;
    for (const std::string_view no : {"off", "no", "false", "n"})
        if (value == no) return false;
    return std::nullopt;
}

bool option_switch(std::string_view shown, const OptionWord& w) {
    if (!w.has_value) return true;
    if (const auto value = option_on_off(w.value)) return *value;
    throw HostError(fmt::format("{}: {}: write {}=on or {}=off", shown, w.whole(), w.key, w.key));
}

std::optional<uint16_t> option_number16(std::string_view text) {
    const bool hex = text.starts_with("0x") || text.starts_with("0X");
    if (hex) text.remove_prefix(2);
    uint16_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number, hex ? 16 : 10);
    if (error != std::errc{} || stopped != end) return std::nullopt;
    return number;
}

}  // namespace ringfold
