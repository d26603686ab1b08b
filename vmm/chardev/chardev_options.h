// QEMU's long form of the ends of character devices: -chardev socket,id=NAME,... with -mon chardev=NAME, -serial
// chardev:NAME or -device isa-serial,chardev=NAME; and which device has which end.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/chardev/char_address.h"

namespace ringfold {

inline constexpr size_t kSerialPorts = 4;

struct ChardevOptions {
    struct Chardev {
        CharAddress address;
        bool taken = false;  // a device or monitor has it already
    };
    std::map<std::string, Chardev> by_id;

    // What the command line gives to a device; it means something once all of it has been read, for -chardev may follow.
    struct Use {
        std::string option, value;  // "serial", "chardev:NAME"
    };
    std::vector<Use> serials;  // COM1 and on
    struct IsaSerial {
        Use use;
        std::optional<size_t> port;  // 0 is COM1; else the first that is free
    };
    std::vector<IsaSerial> isa_serials;
    std::optional<Use> debugcon;
    struct Monitor {
        Use use;
        bool qmp = false;
    };
    std::vector<Monitor> monitors;
};

// What there is at the end of the command line.
struct CharEnds {
    // Without an address there is no such port; one that leads nowhere is there.
    std::array<std::optional<CharAddress>, kSerialPorts> serials{CharAddress{.kind = CharAddress::Kind::Stdio, .keys = true}};
    bool serial_chosen = false;  // by an option
    std::optional<CharAddress> debugcon;
    std::vector<CharAddress> monitors, qmp;

    // Which serial port has standard input and output.
    std::optional<size_t> port_on_terminal() const;
};

// Each throws HostError with a remedy.
void parse_chardev(std::string_view argument, ChardevOptions&);
void parse_mon(std::string_view argument, ChardevOptions&);
// isa-serial or isa-debugcon; false if it is another device. `debugcon_port` is where the latter sits.
bool parse_char_device(std::string_view argument, ChardevOptions&, uint16_t& debugcon_port);
CharEnds connect_chardevs(ChardevOptions);

}  // namespace ringfold
