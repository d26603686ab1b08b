// Takes options apart.
#include "vmm/option_words.h"

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
    if (value == "on" || value == "yes" || value == "true") return true;
    if (value == "off" || value == "no" || value == "false") return false;
    return std::nullopt;
}

}  // namespace ringfold
