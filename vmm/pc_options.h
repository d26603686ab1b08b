// The options that say what kind of PC it is: -machine, -bios, -boot, -vga, -display and those that mean nothing here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringfold {

enum class BoardKind : uint8_t {
    Auto,  // I440fx with firmware or a display, Bare for a kernel alone
    I440fx,
    Bare,  // no PCI, no ACPI, no display
};
enum class VgaKind : uint8_t { Auto, None, Std };     // Auto: Std on an i440FX board
enum class Display : uint8_t { Auto, None, Curses, Sdl };  // Auto: None, and firmware speaks on the serial port

struct PcOptions {
    BoardKind board = BoardKind::Auto;
    VgaKind vga = VgaKind::Auto;
    Display display = Display::Auto;
    bool no_graphic = false;  // -nographic: firmware is told to use the serial port
    bool acpi = true, hpet = true;
    std::string bios;  // empty: the usual places
    std::vector<std::string> firmware_folders;  // -L: where a -bios without a folder is looked for first
    std::string boot_order = "cad";
    std::string boot_once;  // instead of boot_order until the first reset; or empty
    bool boot_menu = false;
    std::optional<uint16_t> boot_menu_wait;  // milliseconds; empty: the firmware's own
    std::optional<uint16_t> reboot_timeout;  // ... after which firmware that finds nothing to boot starts anew; empty: never
    uint16_t debugcon_port = 0xe9;
    std::string screendump;  // where to write the screen at the end; empty: nowhere
};

// Each reads the argument of the option of its name; throws HostError with a remedy. -machine may also choose the
// accelerator, which is given back; else the result is empty.
std::string parse_machine(std::string_view, PcOptions&);
void parse_boot(std::string_view, PcOptions&);
void parse_vga(std::string_view, PcOptions&);
void parse_display(std::string_view, PcOptions&);
void parse_global(std::string_view, PcOptions&);

// For an option that only has one value that means anything here: throws HostError unless it is that.
void expect(std::string_view option, std::string_view value, std::string_view only, std::string_view why);

}  // namespace ringfold
