// The command line, in QEMU's spellings, as a plain record; nothing here opens a file or touches the host.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shadowmmu/ram_source.h"
#include "translator/translator_options.h"
#include "vmm/chardev/chardev_options.h"
#include "vmm/display/vnc_options.h"
#include "vmm/drive_options.h"
#include "vmm/fw_cfg_options.h"
#include "vmm/nic_options.h"
#include "vmm/pc_options.h"
#include "vmm/smbios/smbios_options.h"

namespace ringfold {

enum class Accel : uint8_t { Translator, Interpreter };

struct DebugExit {
    uint16_t base = 0x501;
    uint16_t size = 2;
};

struct Options {
    enum class Action : uint8_t { Run, ShowHelp, ShowVersion } action = Action::Run;

    uint64_t memory_bytes = uint64_t{256} << 20;
    RamSource ram_source;
    std::string kernel, initrd, append;
    CharEnds ends;  // of its serial ports and monitors
    std::optional<DebugExit> debug_exit;
    Accel accel = Accel::Translator;
    TranslatorOptions translator;
    bool no_reboot = false, no_shutdown = false;
    bool start_stopped = false;  // -S
    std::string name, pid_file, load_snapshot;
    std::optional<int64_t> rtc_base;  // seconds since 1970; none: the host's time
    bool rtc_local = false;           // ... as its users read it
    PcOptions pc;
    std::optional<VncOptions> vnc;
    std::string keyboard_layout = "en-us";
    DriveOptions drives;
    NicOptions nics;
    std::vector<FwCfgItem> fw_cfg_items;
    SmbiosOptions smbios;
    bool no_defaults = false;
    std::string log_categories, log_file, stats_file;

    // Is there PCI, and what sits on it? A kernel alone needs none, and starts sooner without.
    bool has_board() const {
        return pc.board == BoardKind::I440fx ||
               (pc.board == BoardKind::Auto && (kernel.empty() || pc.vga == VgaKind::Std || !drives.list.empty() ||
                                                !nics.nics.empty()));
    }
    bool has_hpet() const { return has_board() && pc.hpet; }
    bool has_vga() const { return has_board() && pc.vga != VgaKind::None; }
    // Firmware that finds no screen to speak on uses the serial port.
    bool firmware_on_serial() const { return pc.no_graphic || (pc.display == Display::Auto && !vnc) || !has_vga(); }
};

// Throws HostError naming the option, what is wrong with it and what to write instead.
Options parse_options(int argc, char* const argv[]);

std::string help_text();
std::string version_text();

}  // namespace ringfold
