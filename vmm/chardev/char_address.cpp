// Takes QEMU's character device addresses apart.
#include "vmm/chardev/char_address.h"

#include <fmt/format.h>

#include "vmm/base/result.h"
#include "vmm/option_words.h"

namespace ringfold {

namespace {

using Kind = CharAddress::Kind;
constexpr std::string_view kFile = "file:", kUnix = "unix:", kTcp = "tcp:", kTelnet = "telnet:";

[[noreturn]] void bad(std::string_view shown, std::string_view why) {
    throw HostError(fmt::format("{}: {}; write stdio, mon:stdio, none, pty, file:PATH, unix:PATH,server,nowait, "
                                "tcp:HOST:PORT,server,nowait or telnet:HOST:PORT,server,nowait",
                                shown, why));
}

void take_socket_words(std::string_view shown, std::string_view rest, CharAddress& a) {
    a.wait = true;
    while (!rest.empty()) {
        const OptionWord w = take_option_word(rest);
        if (w.key == "server")
            a.server = option_switch(shown, w);
        else if (w.key == "wait")
            a.wait = option_switch(shown, w);
        else if (w.key == "nowait")
            a.wait = !option_switch(shown, w);
        else if (w.key == "nodelay" || w.key == "delay" || w.key == "ipv4")
            option_switch(shown, w);  // nothing is delayed, and addresses are IPv4's
        else
            bad(shown, fmt::format("{} is not known here", w.key));
    }
    a.wait = a.wait && a.server;
}

CharAddress parse_socket(std::string_view shown, std::string_view text) {
    CharAddress a;
    const std::string where = take_option_word(text).whole();
    const std::string place = where.substr(where.find(':') + 1);
    if (where.starts_with(kUnix)) {
        a.kind = Kind::Unix;
        a.path = place;
        if (place.empty()) bad(shown, "no path");
    } else {
        a.kind = Kind::Tcp;
        a.telnet = where.starts_with(kTelnet);
        const auto colon = place.rfind(':');
        if (colon == std::string::npos || colon + 1 == place.size()) bad(shown, "no port");
        a.host = place.substr(0, colon);
        a.port = place.substr(colon + 1);
        if (!is_tcp_port(a.port)) bad(shown, "there is no such port");
    }
    take_socket_words(shown, text, a);
    return a;
}

}  // namespace

bool is_tcp_port(std::string_view port) {
    if (port.find_first_not_of("0123456789") != std::string_view::npos) return true;
    return !port.empty() && port.size() <= 5 && std::stoul(std::string(port)) <= 65535;
}

CharAddress parse_char_address(std::string_view option, std::string_view text) {
    const std::string shown = fmt::format("-{} {}", option, text.empty() ? "''" : text);
    if (text == "none" || text == "null") return {};
    if (text == "stdio" || text == "mon:stdio") return {.kind = Kind::Stdio, .keys = text == "mon:stdio"};
    if (text == "pty") return {.kind = Kind::Pty};
    if (text.starts_with(kFile) && text.size() > kFile.size())
        return {.kind = Kind::File, .path = std::string(text.substr(kFile.size()))};  // commas and all, as QEMU
    if (text.starts_with(kUnix) || text.starts_with(kTcp) || text.starts_with(kTelnet)) return parse_socket(shown, text);
    if (text.starts_with("mon:")) bad(shown, "a monitor shares only the terminal with a port; give it an address of its own with -monitor");
    bad(shown, "unknown destination");
}

}  // namespace ringfold
