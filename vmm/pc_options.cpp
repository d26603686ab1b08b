// The options that say what kind of PC it is.
#include "vmm/pc_options.h"

#include <charconv>

#include <fmt/format.h>

#include "vmm/base/result.h"

namespace ringfold {

namespace {

[[noreturn]] void bad(std::string_view option, std::string_view value, std::string_view remedy) {
    throw HostError(fmt::format("-{} {}: {}", option, value.empty() ? "''" : value, remedy));
}

// Takes the next "key=value" off a comma-separated list; a word without "=" is a key with no value.
struct Word {
    std::string_view key, value;
};
Word take_word(std::string_view& list) {
    const auto comma = list.find(',');
    const std::string_view word = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    const auto equals = word.find('=');
    if (equals == std::string_view::npos) return {word, {}};
    return {word.substr(0, equals), word.substr(equals + 1)};
}

// Decimal, or hexadecimal after 0x; empty if it is not a number of 16 bits and nothing else.
std::optional<uint16_t> number16(std::string_view text) {
    const bool hex = text.starts_with("0x") || text.starts_with("0X");
    if (hex) text.remove_prefix(2);
    uint16_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number, hex ? 16 : 10);
    if (error != std::errc{} || stopped != end) return std::nullopt;
    return number;
}

std::optional<bool> on_off(std::string_view value) {
    if (value == "on" || value == "yes" || value == "true") return true;
    if (value == "off" || value == "no" || value == "false") return false;
    return std::nullopt;
}

bool is_i440fx(std::string_view type) {
    return type == "pc" || type.starts_with("pc-i440fx-");
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
    std::string accel;
    for (bool first = true; !text.empty() || first; first = false) {
        const auto [key, value] = take_word(text);
        if (first && value.empty() && key != "type")
            set_type(whole, key, o);
        else if (key == "type")
            set_type(whole, value, o);
        else if (key == "accel")
            accel = value;
        else if (key == "acpi" && on_off(value))
            o.acpi = *on_off(value);
        else if (key == "graphics" && on_off(value))
            o.no_graphic = !*on_off(value);
        else if (key == "hpet" && on_off(value))
            o.hpet = *on_off(value);
        else if ((key == "usb" || key == "smm" || key == "vmport") && on_off(value) == false)
            continue;  // there is none
        else
            bad("machine", whole, fmt::format("{} is not known; write -machine pc[,acpi=off][,hpet=off][,accel=bt|interp]", key));
    }
    return accel;
}

void parse_boot(std::string_view text, PcOptions& o) {
    const std::string_view whole = text;
    constexpr std::string_view kRemedy =
        "write -boot [order=LETTERS][,once=LETTERS][,menu=on[,splash-time=0 to 65535]][,reboot-timeout=0 to 65535]; the letters are "
        "a (floppy), c (disk), d (CD-ROM), n (network)";
    const auto letters = [&](std::string_view value) {
        if (value.empty() || value.find_first_not_of("acdn") != std::string_view::npos) bad("boot", whole, kRemedy);
        return std::string(value);
    };
    for (bool first = true; !text.empty() || first; first = false) {
        const auto [key, value] = take_word(text);
        const bool bare = first && value.empty() && key != "menu";
        if (bare || key == "order") {
            o.boot_order = letters(bare ? key : value);
        } else if (key == "once") {
            o.boot_once = letters(value);
        } else if (key == "menu" && on_off(value)) {
            o.boot_menu = *on_off(value);
        } else if (key == "splash-time" && number16(value)) {
            o.boot_menu_wait = *number16(value);
        } else if (key == "reboot-timeout" && (number16(value) || value == "-1")) {
            o.reboot_timeout = number16(value);
        } else if (key != "strict" || !on_off(value)) {
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
    const auto port = text.starts_with(kPort) ? number16(text.substr(kPort.size())) : std::nullopt;
    if (!port) bad("global", text, "the known property is isa-debugcon.iobase=0x402, the port of -debugcon");
    o.debugcon_port = *port;
}

void expect(std::string_view option, std::string_view value, std::string_view only, std::string_view why) {
    if (value != only) bad(option, value, fmt::format("{}; write -{} {} or leave it out", why, option, only));
}

}  // namespace ringfold
