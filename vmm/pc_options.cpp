// The options that say what kind of PC it is.
#include "vmm/pc_options.h"

#include <fmt/format.h>

#include "vmm/base/result.h"
#include "vmm/option_words.h"

namespace ringfold {

namespace {

[[noreturn]] void bad(std::string_view option, std::string_view value, std::string_view remedy) {
    throw HostError(fmt::format("-{} {}: {}", option, value.empty() ? "''" : value, remedy));
}

bool is_i440fx(std::string_view type) {
    // The last are QEMU's oldest, pc-0.12 to pc-1.3.
    return type == "pc" || type.starts_with("pc-i440fx-") || type.starts_with("pc-0.") || type.starts_with("pc-1.");
}

void set_type(std::string_view whole, std::string_view type, PcOptions& o) {
    if (is_i440fx(type))
        o.board = BoardKind::I440fx;
    else if (type == "bare")
        o.board = BoardKind::Bare;
    else
        bad("machine", whole, "unknown machine; known are pc (i440FX and PIIX) and bare (no PCI, for -kernel)");
}

}  // namespace

std::string parse_machine(std::string_view text, PcOptions& o) {
    const std::string_view whole = text;
    const std::string shown = fmt::format("-machine {}", text);
    std::string accel;
    for (bool first = true; !text.empty() || first; first = false) {
        const OptionWord w = take_option_word(text);
        const auto& [key, value, has_value] = w;
        if (first && !has_value && key != "type")
            set_type(whole, key, o);
        else if (key == "type")
            set_type(whole, value, o);
        else if (key == "accel")
            accel = value;
        else if (key == "acpi")
            o.acpi = option_switch(shown, w);
        else if (key == "graphics")
            o.no_graphic = !option_switch(shown, w);
        else if (key == "hpet")
            o.hpet = option_switch(shown, w);
        else if ((key == "usb" || key == "smm" || key == "vmport" || key == "nvdimm") && !option_switch(shown, w))
            continue;  // there is none
        else if (key == "dump-guest-core" || key == "mem-merge")
            option_switch(shown, w);  // the host's business
        else
            bad("machine", whole, fmt::format("{} is not known; write -machine pc[,acpi=off][,hpet=off][,accel=bt|interp]", key));
    }
    return accel;
}

void parse_boot(std::string_view text, PcOptions& o) {
    const std::string_view whole = text;
    const std::string shown = fmt::format("-boot {}", text);
    constexpr std::string_view kRemedy =
        "write -boot [order=LETTERS][,once=LETTERS][,menu=on[,splash-time=0 to 65535]][,reboot-timeout=0 to 65535]; the letters are "
        "a (floppy), c (disk), d (CD-ROM), n (network)";
    const auto letters = [&](std::string_view value) {
        if (value.empty() || value.find_first_not_of("acdn") != std::string_view::npos) bad("boot", whole, kRemedy);
        return std::string(value);
    };
    for (bool first = true; !text.empty() || first; first = false) {
        const OptionWord w = take_option_word(text);
        const auto& [key, value, has_value] = w;
        const bool bare = first && !has_value && key != "menu";
        if (bare || key == "order") {
            o.boot_order = letters(bare ? key : value);
        } else if (key == "once") {
            o.boot_once = letters(value);
        } else if (key == "menu") {
            o.boot_menu = option_switch(shown, w);
        } else if (key == "splash-time" && option_number16(value)) {
            o.boot_menu_wait = *option_number16(value);
        } else if (key == "reboot-timeout" && (option_number16(value) || value == "-1")) {
            o.reboot_timeout = option_number16(value);
        } else if (key == "strict") {
            option_switch(shown, w);  // firmware tries the rest too
        } else {
            bad("boot", whole, kRemedy);
        }
    }
}

void parse_vga(std::string_view value, PcOptions& o) {
    if (value == "std")
        o.vga = VgaKind::Std;
    else if (value == "none")
        o.vga = VgaKind::None;
    else
        bad("vga", value, "unknown display card; known are std and none");
}

void parse_display(std::string_view value, PcOptions& o) {
    if (value == "none")
        o.display = Display::None;
    else if (value == "curses")
        o.display = Display::Curses;
    else if (value == "sdl")
        o.display = Display::Sdl;
    else
        bad("display", value, "unknown display; known are sdl, curses, vnc=:N and none");
}

void parse_global(std::string_view text, PcOptions& o) {
    constexpr std::string_view kPort = "isa-debugcon.iobase=";
    // As it is: nothing sleeps, and libvirt says so to each machine.
    if (text == "PIIX4_PM.disable_s3=1" || text == "PIIX4_PM.disable_s4=1" || text == "kvm-pit.lost_tick_policy=delay") return;
    const auto port = text.starts_with(kPort) ? option_number16(text.substr(kPort.size())) : std::nullopt;
    if (!port) bad("global", text, "the known property is isa-debugcon.iobase=0x402, the port of -debugcon");
    o.debugcon_port = *port;
}

void expect(std::string_view option, std::string_view value, std::string_view only, std::string_view why) {
    if (value != only) bad(option, value, fmt::format("{}; write -{} {} or leave it out", why, option, only));
}

}  // namespace ringfold
