// Reads -fw_cfg and -option-rom, and the files that they name.
#include "vmm/fw_cfg_options.h"

#include <charconv>
#include <set>

#include <fmt/format.h>

#include "vmm/base/result.h"
#include "vmm/image.h"
#include "vmm/option_words.h"

namespace ringfold {

namespace {

constexpr uint64_t kMostBytes = 256 << 20, kMostRomBytes = 256 << 10;

[[noreturn]] void bad(std::string_view shown, std::string_view remedy) {
    throw HostError(fmt::format("{}: {}", shown, remedy));
}

void check_rom(const Image& rom) {
    if (!rom.holds(0, 3) || rom.u16(0) != 0xaa55 || !rom.holds(0, uint64_t{rom.u8(2)} * 512))
        rom.fail("not an option ROM, which begins with the bytes 55 AA and its length in units of 512; give another file");
}

}  // namespace

FwCfgItem parse_fw_cfg(std::string_view argument) {
    FwCfgItem item{.shown = fmt::format("-fw_cfg {}", argument)};
    bool has_text = false;
    for (bool first = true; !argument.empty(); first = false) {
        const OptionWord w = take_option_word(argument);
        if (w.key == "name" || (first && !w.has_value))
            item.name = w.has_value ? w.value : w.key;
        else if (w.key == "file")
            item.file = w.value;
        else if (w.key == "string") {
            item.text = w.value;
            has_text = true;
        } else
            bad(item.shown, fmt::format("{} is not known; write name=opt/ORG/KEY,file=FILE or ...,string=TEXT", w.key));
    }
    if (!item.name.starts_with("opt/") || item.name.size() > FwCfg::kLongestName)
        bad(item.shown, fmt::format("write name=opt/ORG/KEY, of at most {} characters: other names are the machine's own", FwCfg::kLongestName));
    if (item.file.empty() == !has_text) bad(item.shown, "add file=FILE or string=TEXT, one of them");
    return item;
}

FwCfgItem parse_option_rom(std::string_view argument) {
    FwCfgItem item{.shown = fmt::format("-option-rom {}", argument), .is_rom = true};
    for (bool first = true; !argument.empty(); first = false) {
        const OptionWord w = take_option_word(argument);
        unsigned index = 0;
        const char* const end = w.value.data() + w.value.size();
        if (w.key == "romfile" || (first && !w.has_value)) {
            item.file = w.has_value ? w.value : w.key;
        } else if (const auto [stopped, error] = std::from_chars(w.value.data(), end, index);
                   w.key == "bootindex" && error == std::errc{} && stopped == end) {
            item.boot_index = index;
        } else {
            bad(item.shown, fmt::format("{} is not known; write -option-rom FILE[,bootindex=N]", w.whole()));
        }
    }
    if (item.file.empty()) bad(item.shown, "give the name of a file");
    item.name = "genroms/" + item.file.substr(item.file.rfind('/') + 1);
    if (item.name.size() > FwCfg::kLongestName) bad(item.shown, "the file's name is too long for firmware; give it a shorter one");
    return item;
}

std::vector<FwCfgFile> read_fw_cfg_files(const std::vector<FwCfgItem>& items) {
    std::vector<FwCfgFile> files;
    std::set<std::string> names;
    for (const FwCfgItem& item : items) {
        if (!names.insert(item.name).second) bad(item.shown, fmt::format("there is another {}", item.name));
        if (item.file.empty()) {
            files.push_back({item.name, FwCfg::Bytes(item.text.begin(), item.text.end())});
            continue;
        }
        const Image image = Image::read(item.is_rom ? "-option-rom" : "-fw_cfg", item.file, item.is_rom ? kMostRomBytes : kMostBytes,
                                        "give a smaller file");
        if (item.is_rom) check_rom(image);
        const auto bytes = image.slice(0, image.size());
        files.push_back({item.name, FwCfg::Bytes(bytes.begin(), bytes.end())});
    }
    return files;
}

}  // namespace ringfold
