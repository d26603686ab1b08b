// Takes QEMU's character device addresses apart.
#include "vmm/monitor/address.h"

#include <fmt/format.h>

#include "vmm/base/result.h"

namespace ringfold {

namespace {

std::string_view next_word(std::string_view& text) {
    const auto end = text.find(',');
    const std::string_view word = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    return word;
}

}  // namespace

MonitorAddress parse_monitor_address(std::string_view option, std::string_view text) {
    const auto bad = [option, text](std::string_view why) {
        throw HostError(
            fmt::format("-{} {}: {}; write stdio, none, unix:PATH,server,nowait, tcp:HOST:PORT,server,nowait "
                        "or telnet:HOST:PORT,server,nowait",
                        option, text.empty() ? "''" : text, why));
    };
    std::string_view rest = text;
    const std::string_view where = next_word(rest);
    MonitorAddress a;
    if (where == "none") return a;
    if (where == "stdio") {
        a.kind = MonitorAddress::Kind::Stdio;
    } else if (where.starts_with("unix:") && where.size() > 5) {
        a.kind = MonitorAddress::Kind::Unix;
        a.path = where.substr(5);
    } else if (where.starts_with("tcp:") || where.starts_with("telnet:")) {
        a.kind = MonitorAddress::Kind::Tcp;
        a.telnet = where.starts_with("telnet:");
        const std::string_view place = where.substr(where.find(':') + 1);
        const auto colon = place.rfind(':');
        if (colon == std::string_view::npos || colon + 1 == place.size()) bad("no port");
        a.host = place.substr(0, colon);
        a.port = place.substr(colon + 1);
        // Names of services too; of numbers, getaddrinfo() takes any.
        if (a.port.find_first_not_of("0123456789") == std::string::npos && (a.port.size() > 5 || std::stoul(a.port) > 65535))
            bad("there is no such port");
    } else {
        bad("unknown destination");
    }
    const bool socket = a.kind == MonitorAddress::Kind::Unix || a.kind == MonitorAddress::Kind::Tcp;
    a.wait = socket;
    while (!rest.empty()) {
        const std::string_view word = next_word(rest);
        if (word == "server" || word == "server=on")
            a.server = socket;
        else if (word == "nowait" || word == "wait=off")
            a.wait = false;
        else if (word == "server=off")
            a.server = false;
        else if (word != "wait" && word != "wait=on" && word != "nodelay" && word != "ipv4" && word != "ipv4=on")
            bad(fmt::format("{} is not known here", word));
    }
    a.wait = a.wait && a.server;
    return a;
}

}  // namespace ringfold
