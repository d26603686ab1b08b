// Reads -smbios and -uuid.
#include "vmm/smbios/smbios_options.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "vmm/base/result.h"
#include "vmm/option_words.h"

namespace ringfold {

namespace {

// QEMU's names of what can be said about each type of structure.
const std::map<unsigned, std::vector<std::string_view>> kNames = {
    {0, {"vendor", "version", "date", "release", "uefi"}},
    {1, {"manufacturer", "product", "version", "serial", "uuid", "sku", "family"}},
    {2, {"manufacturer", "product", "version", "serial", "asset", "location"}},
    {3, {"manufacturer", "version", "serial", "asset", "sku"}},
    {4, {"sock_pfx", "manufacturer", "version", "serial", "asset", "part"}},
    {11, {"value"}},
    {17, {"loc_pfx", "bank", "manufacturer", "serial", "asset", "part"}},
};

constexpr size_t kMostOemStrings = 64;

[[noreturn]] void bad(std::string_view shown, std::string_view remedy) {
    throw HostError(fmt::format("{}: {}", shown, remedy));
}

unsigned take_type(std::string_view shown, std::string_view& argument) {
    const OptionWord w = take_option_word(argument);
    if (w.key == "file") bad(shown, "structures from a file are not taken; write type=N and its fields");
    unsigned type = 0;
    const auto [end, error] = std::from_chars(w.value.data(), w.value.data() + w.value.size(), type);
    if (w.key != "type" || error != std::errc{} || end != w.value.data() + w.value.size() || !kNames.contains(type))
        bad(shown, "begin with type=N; N is 0, 1, 2, 3, 4, 11 or 17");
    return type;
}

void check_value(std::string_view shown, const OptionWord& w) {
    if (w.value.size() > 255) bad(shown, fmt::format("{} has more than 255 characters", w.key));
    if (w.key == "uefi" && option_switch(shown, w)) bad(shown, "the firmware is no UEFI; leave uefi=on out");
    unsigned major = 0, minor = 0;
    int end = 0;
    const bool release = sscanf(w.value.c_str(), "%3u.%3u%n", &major, &minor, &end) == 2 &&
                         static_cast<size_t>(end) == w.value.size() && major < 256 && minor < 256;
    if (w.key == "release" && !release) bad(shown, "release is two numbers up to 255, as 1.0");
}

}  // namespace

std::string SmbiosOptions::field(unsigned type, const std::string& name) const {
    const auto structure = fields.find(type);
    if (structure == fields.end()) return "";
    const auto found = structure->second.find(name);
    return found == structure->second.end() ? "" : found->second;
}

void parse_smbios(std::string_view argument, SmbiosOptions& o) {
    const std::string shown = fmt::format("-smbios {}", argument.empty() ? "''" : argument);
    const unsigned type = take_type(shown, argument);
    auto& fields = o.fields[type];
    const auto& names = kNames.at(type);
    while (!argument.empty()) {
        const OptionWord w = take_option_word(argument);
        if (std::ranges::find(names, w.key) == names.end())
            bad(shown, fmt::format("type {} has no {}; it has {}", type, w.key, fmt::join(names, ", ")));
        check_value(shown, w);
        if (type == 11 && o.oem_strings.size() == kMostOemStrings)
            bad(shown, fmt::format("at most {} strings", kMostOemStrings));
        if (type == 11)
            o.oem_strings.push_back(w.value);
        else if (w.key == "uuid")
            o.uuid = parse_uuid(shown, w.value);
        else
            fields[w.key] = w.value;
    }
}

Uuid parse_uuid(std::string_view option, std::string_view text) {
    constexpr std::string_view kForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    Uuid uuid{};
    size_t digits = 0;
    bool good = text.size() == kForm.size();
    for (size_t n = 0; good && n < text.size(); ++n) {
        uint8_t nibble = 0;
        good = kForm[n] == '-' ? text[n] == '-' : std::from_chars(&text[n], &text[n] + 1, nibble, 16).ec == std::errc{};
        if (kForm[n] == '-') continue;
        uuid[digits / 2] = static_cast<uint8_t>(uuid[digits / 2] << 4 | nibble);
        ++digits;
    }
    if (!good) bad(option, fmt::format("{} is not a UUID; write it as 550e8400-e29b-41d4-a716-446655440000", text.empty() ? "''" : text));
    return uuid;
}

std::string to_string(const Uuid& uuid) {
    std::string text;
    for (size_t n = 0; n < uuid.size(); ++n) text += fmt::format("{}{:02x}", n == 4 || n == 6 || n == 8 || n == 10 ? "-" : "", uuid[n]);
    return text;
}

}  // namespace ringfold
