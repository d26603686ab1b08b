// Reads -chardev, -mon and the devices that have an end on the host, and brings them together.
#include "vmm/chardev/chardev_options.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "vmm/base/result.h"
#include "vmm/option_words.h"

namespace ringfold {

namespace {

using Kind = CharAddress::Kind;
constexpr std::string_view kById = "chardev:";
constexpr uint16_t kPorts[kSerialPorts] = {0x3f8, 0x2f8, 0x3e8, 0x2e8};

[[noreturn]] void bad(std::string_view shown, std::string_view remedy) {
    throw HostError(fmt::format("{}: {}", shown, remedy));
}

struct Words {
    std::string id;
    CharAddress a;
};

bool is_silent_switch(std::string_view key) {
    return key == "signal" || key == "nodelay" || key == "delay" || key == "ipv4";
}

Words take_words(std::string_view shown, std::string_view argument) {
    Words c;
    c.a.wait = true;
    while (!argument.empty()) {
        const OptionWord w = take_option_word(argument);
        if (w.key == "id")
            c.id = w.value;
        else if (w.key == "path")
            c.a.path = w.value;
        else if (w.key == "host")
            c.a.host = w.value;
        else if (w.key == "port")
            c.a.port = w.value;
        else if (w.key == "server")
            c.a.server = option_switch(shown, w);
        else if (w.key == "wait")
            c.a.wait = option_switch(shown, w);
        else if (w.key == "nowait")
            c.a.wait = !option_switch(shown, w);
        else if (w.key == "telnet")
            c.a.telnet = option_switch(shown, w);
        else if (w.key == "mux")
            c.a.keys = option_switch(shown, w);
        else if (w.key == "append")
            c.a.append = option_switch(shown, w);
        else if (is_silent_switch(w.key))
            option_switch(shown, w);
        else
            bad(shown, fmt::format("{} is not known; known are id, for a socket path or host and port, server, wait, telnet, "
                                   "for a file path and append, for stdio mux", w.key));
    }
    if (c.id.empty()) bad(shown, "add id=NAME, and use it in -mon chardev=NAME, -serial chardev:NAME or -device isa-serial,chardev=NAME");
    return c;
}

CharAddress socket_address(std::string_view shown, CharAddress a) {
    if (a.path.empty() == a.port.empty()) bad(shown, "a socket has path=PATH, or host=HOST,port=PORT");
    if (!a.port.empty() && !is_tcp_port(a.port)) bad(shown, "there is no such port");
    a.kind = a.path.empty() ? Kind::Tcp : Kind::Unix;
    a.wait = a.wait && a.server;
    return a;
}

CharAddress address_of(std::string_view shown, std::string_view kind, const CharAddress& a) {
    if (a.keys && kind != "stdio") bad(shown, "a monitor shares only the terminal with a port; give it a -chardev of its own");
    if (kind == "socket") return socket_address(shown, a);
    if (kind == "stdio") return {.kind = Kind::Stdio, .keys = a.keys};
    if (kind == "file" && !a.path.empty()) return {.kind = Kind::File, .path = a.path, .append = a.append};
    if (kind == "pty") return {.kind = Kind::Pty};
    if (kind == "null") return {};
    bad(shown, "known are socket, stdio, pty, file,path=PATH and null");
}

ChardevOptions::Chardev& find(const ChardevOptions::Use& use, ChardevOptions& o) {
    const auto found = o.by_id.find(use.value.substr(kById.size()));
    if (found == o.by_id.end()) bad(fmt::format("-{} {}", use.option, use.value), "there is no -chardev with that id");
    return found->second;
}

CharAddress resolve(const ChardevOptions::Use& use, ChardevOptions& o) {
    if (!use.value.starts_with(kById)) return parse_char_address(use.option, use.value);
    ChardevOptions::Chardev& chardev = find(use, o);
    if (std::exchange(chardev.taken, true))
        bad(fmt::format("-{} {}", use.option, use.value), "that -chardev has a user already; add one for each");
    return chardev.address;
}

// A terminal that a serial port shares has its monitor behind Ctrl-A c.
bool is_behind_serial(const ChardevOptions::Monitor& m, ChardevOptions& o) {
    if (m.qmp || !m.use.value.starts_with(kById)) return false;
    const ChardevOptions::Chardev& chardev = find(m.use, o);
    return chardev.address.keys && chardev.taken;
}

void connect_serials(ChardevOptions& o, CharEnds& ends) {
    ends.serial_chosen = !o.serials.empty() || !o.isa_serials.empty();
    if (ends.serial_chosen) ends.serials[0].reset();
    if (o.serials.size() > kSerialPorts)
        bad(fmt::format("-serial {}", o.serials.back().value), fmt::format("a PC has {} serial ports", kSerialPorts));
    for (size_t n = 0; n < o.serials.size(); ++n)
        if (o.serials[n].value != "none") ends.serials[n] = resolve(o.serials[n], o);
    for (const ChardevOptions::IsaSerial& d : o.isa_serials) {
        const auto free = std::ranges::find_if(ends.serials, [](const auto& port) { return !port; });
        const size_t port = d.port.value_or(static_cast<size_t>(free - ends.serials.begin()));
        if (port >= kSerialPorts || ends.serials[port])
            bad(fmt::format("-device isa-serial,chardev={}", d.use.value.substr(kById.size())), "that serial port is taken; give another index, 0 to 3");
        ends.serials[port] = resolve(d.use, o);
    }
}

size_t serial_port(std::string_view shown, const OptionWord& w) {
    if (w.key == "index" && w.value.size() == 1 && w.value[0] >= '0' && w.value[0] < '0' + static_cast<int>(kSerialPorts))
        return static_cast<size_t>(w.value[0] - '0');
    if (const auto number = w.key == "iobase" ? option_number16(w.value) : std::nullopt)
        if (const auto found = std::ranges::find(kPorts, *number); found != std::end(kPorts))
            return static_cast<size_t>(found - kPorts);
    bad(shown, "a serial port has index 0 to 3, at 0x3f8, 0x2f8, 0x3e8 and 0x2e8");
}

}  // namespace

std::optional<size_t> CharEnds::port_on_terminal() const {
    for (size_t n = 0; n < serials.size(); ++n)
        if (serials[n] && serials[n]->kind == Kind::Stdio) return n;
    return std::nullopt;
}

void parse_chardev(std::string_view argument, ChardevOptions& o) {
    const std::string shown = fmt::format("-chardev {}", argument);
    const std::string kind = take_option_word(argument).key;
    const Words c = take_words(shown, argument);
    if (!o.by_id.emplace(c.id, ChardevOptions::Chardev{address_of(shown, kind, c.a)}).second)
        bad(shown, fmt::format("there is one with id={} already", c.id));
}

void parse_mon(std::string_view argument, ChardevOptions& o) {
    const std::string shown = fmt::format("-mon {}", argument);
    std::string chardev;
    bool qmp = false;
    for (bool first = true; !argument.empty(); first = false) {
        const OptionWord w = take_option_word(argument);
        if (w.key == "chardev")
            chardev = w.value;
        else if (first && !w.has_value)
            chardev = w.key;
        else if (w.key == "mode" && (w.value == "control" || w.value == "readline"))
            qmp = w.value == "control";
        else if (w.key == "pretty")
            option_switch(shown, w);
        else if (w.key != "id")
            bad(shown, "write -mon chardev=NAME[,mode=control|readline]");
    }
    if (chardev.empty()) bad(shown, "add chardev=NAME of a -chardev");
    o.monitors.push_back({{"mon", fmt::format("{}{}", kById, chardev)}, qmp});
}

bool parse_char_device(std::string_view argument, ChardevOptions& o, uint16_t& debugcon_port) {
    const std::string shown = fmt::format("-device {}", argument);
    const std::string name = take_option_word(argument).whole();
    const bool serial = name == "isa-serial";
    if (!serial && name != "isa-debugcon") return false;
    std::string chardev;
    std::optional<size_t> port;
    while (!argument.empty()) {
        const OptionWord w = take_option_word(argument);
        if (w.key == "chardev")
            chardev = w.value;
        else if (serial && (w.key == "index" || w.key == "iobase"))
            port = serial_port(shown, w);
        else if (const auto number = option_number16(w.value); !serial && w.key == "iobase" && number)
            debugcon_port = *number;
        else if (w.key != "id")
            bad(shown, serial ? "write isa-serial,chardev=NAME[,index=0 to 3]" : "write isa-debugcon,chardev=NAME[,iobase=0x402]");
    }
    if (chardev.empty()) bad(shown, "add chardev=NAME of a -chardev");
    const ChardevOptions::Use use{"device " + name, fmt::format("{}{}", kById, chardev)};
    if (serial)
        o.isa_serials.push_back({use, port});
    else
        o.debugcon = use;
    return true;
}

CharEnds connect_chardevs(ChardevOptions o) {
    CharEnds ends;
    connect_serials(o, ends);
    if (o.debugcon && o.debugcon->value != "none") ends.debugcon = resolve(*o.debugcon, o);
    if (ends.debugcon && ends.debugcon->keys)
        bad(fmt::format("-debugcon {}", o.debugcon->value), "a monitor shares the terminal with a serial port only; write stdio");
    for (const ChardevOptions::Monitor& m : o.monitors) {
        if (is_behind_serial(m, o)) continue;
        const CharAddress address = resolve(m.use, o);
        if (address.kind != Kind::None) (m.qmp ? ends.qmp : ends.monitors).push_back(address);
    }
    return ends;
}

}  // namespace ringfold
