// Options made of words: "user,id=n0,restrict=on".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringfold {

struct OptionWord {
    std::string key, value;
    bool has_value = false;
    std::string whole() const { return has_value ? key + "=" + value : key; }
};
// Takes the next "key=value" off a comma-separated list; two commas in a row stand for one.
OptionWord take_option_word(std::string_view& list);
// on, off and their like.
std::optional<bool> option_on_off(std::string_view value);
// A word that is on or off; alone it is on. Throws HostError beginning with `shown`.
bool option_switch(std::string_view shown, const OptionWord&);
// Decimal, or hexadecimal after 0x; empty if it is not a number of 16 bits and nothing else.
std::optional<uint16_t> option_number16(std::string_view text);

}  // namespace ringfold
