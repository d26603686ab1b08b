// Options made of words: "user,id=n0,restrict=on".
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ringfold {

struct OptionWord {
    std::string key, value;
    bool has_value = false;
};
// Takes the next "key=value" off a comma-separated list; two commas in a row stand for one.
OptionWord take_option_word(std::string_view& list);
// on, off and their like.
std::optional<bool> option_on_off(std::string_view value);

}  // namespace ringfold
