// What the command line hands to the guest or its firmware by fw_cfg: -fw_cfg, -option-rom.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "devices/fw_cfg.h"

namespace ringfold {

struct FwCfgItem {
    std::string name;   // "opt/org.example/key", "genroms/vga.rom"
    std::string shown;  // the option and its argument, for messages
    std::string file;   // or empty:
    std::string text;
    bool is_rom = false;
    std::optional<unsigned> boot_index;  // of a ROM
};

// Each throws HostError with a remedy.
FwCfgItem parse_fw_cfg(std::string_view argument);
FwCfgItem parse_option_rom(std::string_view argument);

// The files of items, read once: a reset changes nothing.
struct FwCfgFile {
    std::string name;
    FwCfg::Bytes contents;
};
std::vector<FwCfgFile> read_fw_cfg_files(const std::vector<FwCfgItem>&);

}  // namespace ringfold
