// Reads -chardev and -mon.
#include "vmm/chardev_options.h"

#include <fmt/format.h>

#include "vmm/base/result.h"
#include "vmm/option_words.h"

namespace ringfold {

namespace {

[[noreturn]] void bad(std::string_view shown, std::string_view remedy) {
    throw HostError(fmt::format("{}: {}", shown, remedy));
}

bool on(const OptionWord& w) {
    return !w.has_value || option_on_off(w.value).value_or(false);
}

struct Words {
    std::string id, path, host, port;
    bool server = false, wait = true, telnet = false, mux = false;
};

Words take_words(std::string_view shown, std::string_view argument) {
    Words c;
    while (!argument.empty()) {
        const OptionWord w = take_option_word(argument);
        if (w.key == "id")
            c.id = w.value;
        else if (w.key == "path")
            c.path = w.value;
        else if (w.key == "host")
            c.host = w.value;
        else if (w.key == "port")
            c.port = w.value;
        else if (w.key == "server")
            c.server = on(w);
        else if (w.key == "wait")
            c.wait = on(w);
        else if (w.key == "nowait")
            c.wait = false;
        else if (w.key == "telnet")
            c.telnet = on(w);
        else if (w.key == "mux")
            c.mux = on(w);
        else if (w.key != "signal" && w.key != "nodelay" && w.key != "ipv4")
            bad(shown, fmt::format("{} is not known; known are id, for a socket path or host and port, server, wait, telnet, "
                                   "for a file path, for stdio mux", w.key));
    }
    if (c.id.empty()) bad(shown, "add id=NAME, and use it in -mon chardev=NAME or -serial chardev:NAME");
    return c;
}

std::string socket_address(std::string_view shown, const Words& c) {
    if (c.path.empty() == c.port.empty()) bad(shown, "a socket has path=PATH, or host=HOST,port=PORT");
    const std::string place = c.path.empty() ? fmt::format("{}:{}:{}", c.telnet ? "telnet" : "tcp", c.host, c.port)
                                             : fmt::format("unix:{}", c.path);
    return fmt::format("{}{}{}", place, c.server ? ",server" : "", c.server && !c.wait ? ",nowait" : "");
}

}  // namespace

void parse_chardev(std::string_view argument, ChardevOptions& o) {
    const std::string shown = fmt::format("-chardev {}", argument);
    const std::string kind = take_option_word(argument).key;
    const Words c = take_words(shown, argument);
    std::string form;
    if (kind == "socket")
        form = socket_address(shown, c);
    else if (kind == "stdio")
        form = c.mux ? "mon:stdio" : "stdio";
    else if (kind == "file" && !c.path.empty())
        form = fmt::format("file:{}", c.path);
    else if (kind == "null")
        form = "none";
    else
        bad(shown, "known are socket, stdio, file,path=PATH and null");
    if (!o.short_form.emplace(c.id, form).second) bad(shown, fmt::format("there is one with id={} already", c.id));
}

void parse_mon(std::string_view argument, ChardevOptions& o) {
    ChardevOptions::Monitor m{.shown = fmt::format("-mon {}", argument)};
    for (bool first = true; !argument.empty(); first = false) {
        const OptionWord w = take_option_word(argument);
        if (w.key == "chardev")
            m.chardev = w.value;
        else if (first && !w.has_value)
            m.chardev = w.key;
        else if (w.key == "mode" && (w.value == "control" || w.value == "readline"))
            m.qmp = w.value == "control";
        else if (w.key != "pretty" && w.key != "id")
            bad(m.shown, "write -mon chardev=NAME[,mode=control|readline]");
    }
    if (m.chardev.empty()) bad(m.shown, "add chardev=NAME of a -chardev");
    o.monitors.push_back(std::move(m));
}

std::string without_chardev(std::string_view option, std::string_view value, const ChardevOptions& o) {
    constexpr std::string_view kPrefix = "chardev:";
    if (!value.starts_with(kPrefix)) return std::string(value);
    const auto found = o.short_form.find(std::string(value.substr(kPrefix.size())));
    if (found == o.short_form.end()) bad(fmt::format("-{} {}", option, value), "there is no -chardev with that id");
    return found->second;
}

void connect_monitors(const ChardevOptions& o, std::vector<MonitorAddress>& monitors, std::vector<MonitorAddress>& qmp) {
    for (const ChardevOptions::Monitor& m : o.monitors) {
        const auto found = o.short_form.find(m.chardev);
        if (found == o.short_form.end()) bad(m.shown, fmt::format("there is no -chardev with id={}", m.chardev));
        // A terminal that the serial port shares has its monitor behind Ctrl-A c.
        if (found->second == "mon:stdio" && !m.qmp) continue;
        const auto address = parse_monitor_address("mon", found->second == "mon:stdio" ? "stdio" : found->second);
        if (address.kind != MonitorAddress::Kind::None) (m.qmp ? qmp : monitors).push_back(address);
    }
}

}  // namespace ringfold
