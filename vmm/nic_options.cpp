// Reads QEMU's network options.
#include "vmm/nic_options.h"

#include <algorithm>
#include <charconv>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "vmm/base/result.h"
#include "vmm/option_words.h"

namespace ringfold {

namespace {

using net::UserNetOptions;

struct ModelName {
    std::string_view name;
    NicModel model;
};
constexpr ModelName kModels[] = {{"e1000", NicModel::E1000},
                                 {"e1000-82540em", NicModel::E1000},
                                 {"ne2k_pci", NicModel::Ne2000},
                                 {"virtio-net-pci", NicModel::Virtio},
                                 {"virtio-net", NicModel::Virtio},
                                 {"virtio", NicModel::Virtio}};

[[noreturn]] void bad(std::string_view shown, std::string_view remedy) {
    throw HostError(fmt::format("{}: {}", shown, remedy));
}

std::optional<NicModel> model_named(std::string_view name) {
    for (const ModelName& m : kModels)
        if (m.name == name) return m.model;
    return std::nullopt;
}

net::MacAddress parse_mac(std::string_view shown, std::string_view text) {
    net::MacAddress mac{};
    const auto fail = [&] {
        bad(shown, fmt::format("mac={}: write six bytes as 52:54:00:12:34:56, the first even", text));
    };
    if (text.size() != 17) fail();
    for (size_t n = 0; n < 6; ++n) {
        const char* at = text.data() + 3 * n;
        if (n < 5 && at[2] != ':' && at[2] != '-') fail();
        const auto [end, error] = std::from_chars(at, at + 2, mac[n], 16);
        if (error != std::errc{} || end != at + 2) fail();
    }
    if (mac[0] & 1) fail();
    return mac;
}

in_addr parse_address(std::string_view shown, std::string_view key, std::string_view text) {
    in_addr address{};
    if (inet_pton(AF_INET, std::string(text).c_str(), &address) != 1)
        bad(shown, fmt::format("{}={}: write an address as 10.0.2.2", key, text));
    return address;
}

uint16_t parse_port(std::string_view shown, std::string_view text, bool zero_allowed) {
    unsigned port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port > 65535 || (port == 0 && !zero_allowed))
        bad(shown, fmt::format("'{}' is not a port number", text));
    return static_cast<uint16_t>(port);
}

unsigned parse_boot_index(std::string_view shown, std::string_view text) {
    unsigned index = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
    if (error != std::errc{} || end != text.data() + text.size())
        bad(shown, fmt::format("bootindex={}: write a number; the lowest is tried first", text));
    return index;
}

// [tcp|udp]:[address]:port-[address]:port
UserNetOptions::Forward parse_forward(std::string_view shown, std::string_view text) {
    const auto fail = [&] {
        bad(shown, fmt::format("hostfwd={}: write hostfwd=tcp:[HOST-ADDRESS]:PORT-[GUEST-ADDRESS]:PORT", text));
    };
    UserNetOptions::Forward forward;
    std::string_view rest = text;
    const auto protocol = rest.substr(0, rest.find(':'));
    if (protocol == "udp")
        forward.udp = true;
    else if (protocol != "tcp" && !protocol.empty())
        fail();
    rest.remove_prefix(std::min(protocol.size() + 1, rest.size()));
    const auto dash = rest.find('-');
    if (dash == std::string_view::npos) fail();
    const auto end_of = [&](std::string_view end, in_addr& address) {
        const auto colon = end.find(':');
        if (colon == std::string_view::npos) fail();
        if (colon) address = parse_address(shown, "hostfwd", end.substr(0, colon));
        return end.substr(colon + 1);
    };
    forward.host_port = parse_port(shown, end_of(rest.substr(0, dash), forward.host), true);
    forward.guest_port = parse_port(shown, end_of(rest.substr(dash + 1), forward.guest), false);
    return forward;
}

// "10.0.2.0/24" or with a mask; the host, the name server and DHCP move along unless they are given.
void set_network(std::string_view shown, std::string_view text, UserNetOptions& u) {
    const auto slash = text.find('/');
    const in_addr network = parse_address(shown, "net", text.substr(0, slash));
    uint32_t mask = 0xffffff00;
    if (slash != std::string_view::npos) {
        const auto tail = text.substr(slash + 1);
        unsigned bits = 0;
        const auto [end, error] = std::from_chars(tail.data(), tail.data() + tail.size(), bits);
        if (tail.find('.') != std::string_view::npos)
            mask = ntohl(parse_address(shown, "net", tail).s_addr);
        else if (error == std::errc{} && end == tail.data() + tail.size() && bits >= 1 && bits <= 27)
            mask = ~0u << (32 - bits);
        else
            bad(shown, fmt::format("net={}: write a network as 10.0.2.0/24, of 1 to 27 bits", text));
    }
    const uint32_t base = ntohl(network.s_addr) & mask;
    u.mask.s_addr = htonl(mask);
    u.network.s_addr = htonl(base);
    u.host.s_addr = htonl(base | 2);
    u.name_server.s_addr = htonl(base | 3);
    u.dhcp_start.s_addr = htonl(base | 15);
}

bool take_user_word(std::string_view shown, const OptionWord& w, UserNetOptions& u) {
    if (w.key == "hostfwd")
        u.forwards.push_back(parse_forward(shown, w.value));
    else if (w.key == "restrict")
        u.restricted = option_switch(shown, w);
    else if (w.key == "hostname")
        u.host_name = w.value;
    else if (w.key == "domainname")
        u.domain = w.value;
    else if (w.key == "tftp")
        u.tftp_folder = w.value;
    else if (w.key == "bootfile")
        u.boot_file = w.value;
    else if (w.key == "net")
        set_network(shown, w.value, u);
    else if (w.key == "host")
        u.host = parse_address(shown, w.key, w.value);
    else if (w.key == "dhcpstart")
        u.dhcp_start = parse_address(shown, w.key, w.value);
    else if (w.key == "dns")
        u.name_server = parse_address(shown, w.key, w.value);
    else if (w.key == "ipv4")
        u.ipv4 = option_switch(shown, w);
    else if (w.key == "ipv6")
        u.ipv6 = option_switch(shown, w);
    else
        return false;
    return true;
}

bool take_tap_word(std::string_view shown, const OptionWord& w, net::TapOptions& t) {
    if (w.key == "ifname")
        t.interface = w.value;
    else if (w.key == "script" || w.key == "downscript") {
        if (w.value != "no" && !w.value.empty())
            bad(shown, fmt::format("{}={}: no scripts are run; set the interface up yourself, and write {}=no", w.key,
                                   w.value, w.key));
    } else
        return false;
    return true;
}

bool take_netdev_word(const OptionWord& w, NetdevOption& n, std::string_view shown) {
    if (w.key == "id")
        n.id = w.value;
    else if (n.kind == NetdevOption::Kind::User)
        return take_user_word(shown, w, n.user);
    else
        return take_tap_word(shown, w, n.tap);
    return true;
}

bool take_card_word(const OptionWord& w, NicOption& nic) {
    if (w.key == "mac" || w.key == "macaddr")
        nic.mac = parse_mac(nic.shown, w.value);
    else if (w.key == "romfile")
        nic.rom = w.value;
    else if (w.key == "model") {
        const auto model = model_named(w.value);
        if (!model) bad(nic.shown, fmt::format("model={}: unknown card; known are {}", w.value, nic_model_names()));
        nic.model = *model;
    } else
        return false;
    return true;
}

NetdevOption netdev_of(std::string_view kind, const std::string& shown) {
    NetdevOption n;
    if (kind == "tap")
        n.kind = NetdevOption::Kind::Tap;
    else if (kind != "user")
        bad(shown,
            fmt::format("{}: unknown kind of network; known are user, tap and none", kind.empty() ? "''" : kind));
    n.user.shown = n.tap.shown = shown;
    return n;
}

[[noreturn]] void unknown(std::string_view shown, const OptionWord& w) {
    bad(shown,
        fmt::format(
            "{} is not known here; known are model, mac, id, for user hostfwd, restrict, hostname, domainname, net, "
            "host, dhcpstart, dns, tftp, bootfile, ipv4, ipv6, and for tap ifname and script=no",
            w.key));
}

}  // namespace

std::string_view nic_model_name(NicModel model) {
    return std::ranges::find(kModels, model, &ModelName::model)->name;
}

std::string nic_model_names() {
    std::string names;
    for (const ModelName& m : kModels) names += fmt::format("{}{}", names.empty() ? "" : ", ", m.name);
    return names;
}

void parse_nic(std::string_view argument, NicOptions& o) {
    const std::string shown = fmt::format("-nic {}", argument);
    o.said = true;
    const OptionWord first = take_option_word(argument);
    if (first.key == "none" && argument.empty()) return;
    NetdevOption netdev = netdev_of(first.key == "type" ? first.value : first.key, shown);
    NicOption nic{.shown = shown};
    while (!argument.empty()) {
        const OptionWord w = take_option_word(argument);
        if (!take_card_word(w, nic) && !take_netdev_word(w, netdev, shown)) unknown(shown, w);
    }
    if (netdev.id.empty()) netdev.id = fmt::format("#nic{}", o.nics.size());
    nic.netdev = netdev.id;
    o.netdevs.push_back(std::move(netdev));
    o.nics.push_back(std::move(nic));
}

void parse_netdev(std::string_view argument, NicOptions& o) {
    const std::string shown = fmt::format("-netdev {}", argument);
    o.said = true;
    const OptionWord first = take_option_word(argument);
    NetdevOption netdev = netdev_of(first.key == "type" ? first.value : first.key, shown);
    while (!argument.empty())
        if (const OptionWord w = take_option_word(argument); !take_netdev_word(w, netdev, shown)) unknown(shown, w);
    if (netdev.id.empty()) bad(shown, "add id=NAME, and a card with -device MODEL,netdev=NAME");
    o.netdevs.push_back(std::move(netdev));
}

void parse_net(std::string_view argument, NicOptions& o) {
    const std::string shown = fmt::format("-net {}", argument);
    o.said = true;
    const OptionWord first = take_option_word(argument);
    if (first.key == "none" && argument.empty()) return;
    if (first.key == "nic") {
        NicOption nic{.shown = shown};
        while (!argument.empty())
            if (const OptionWord w = take_option_word(argument);
                !take_card_word(w, nic) && w.key != "vlan" && w.key != "name")
                unknown(shown, w);
        o.old_nics.push_back(std::move(nic));
        return;
    }
    NetdevOption netdev = netdev_of(first.key, shown);
    while (!argument.empty())
        if (const OptionWord w = take_option_word(argument);
            !take_netdev_word(w, netdev, shown) && w.key != "vlan" && w.key != "name")
            unknown(shown, w);
    o.old_netdevs.push_back(std::move(netdev));
}

bool parse_nic_device(std::string_view argument, NicOptions& o) {
    NicOption nic{.shown = fmt::format("-device {}", argument)};
    const auto model = model_named(take_option_word(argument).key);
    if (!model) return false;
    nic.model = *model;
    while (!argument.empty()) {
        const OptionWord w = take_option_word(argument);
        if (w.key == "netdev")
            nic.netdev = w.value;
        else if (w.key == "bootindex")
            nic.boot_index = parse_boot_index(nic.shown, w.value);
        else if (w.key == "model" || !take_card_word(w, nic)) {
            if (w.key != "id")
                bad(nic.shown, fmt::format("{} is not known; known are netdev, mac, romfile, bootindex and id", w.key));
        }
    }
    if (nic.netdev.empty()) bad(nic.shown, "add netdev=NAME of a -netdev user,id=NAME");
    o.said = true;
    o.nics.push_back(std::move(nic));
    return true;
}

void connect_nics(NicOptions& o, bool with_default) {
    if (!o.said && with_default) {
        parse_nic("user", o);
        o.nics.back().shown = o.netdevs.back().user.shown = "the default -nic user";
    }
    for (size_t n = 0; n < o.old_nics.size() && n < o.old_netdevs.size(); ++n) {
        o.old_netdevs[n].id = o.old_nics[n].netdev = fmt::format("#net{}", n);
        o.netdevs.push_back(o.old_netdevs[n]);
        o.nics.push_back(o.old_nics[n]);
    }
    if (o.old_nics.size() != o.old_netdevs.size())
        throw HostError("-net: each card (-net nic) needs a network (-net user); write -nic user instead of both");
    for (size_t n = 0; n < o.nics.size(); ++n) {
        NicOption& nic = o.nics[n];
        const auto uses = [&](const NicOption& other) { return other.netdev == nic.netdev; };
        const auto is_its = [&](const NetdevOption& d) { return d.id == nic.netdev; };
        if (std::ranges::none_of(o.netdevs, is_its))
            bad(nic.shown, fmt::format("there is no -netdev with id={}", nic.netdev));
        if (std::ranges::count_if(o.nics, uses) > 1)
            bad(nic.shown, fmt::format("netdev {} has a card already", nic.netdev));
        if (!nic.mac) nic.mac = net::MacAddress{0x52, 0x54, 0x00, 0x12, 0x34, static_cast<uint8_t>(0x56 + n)};
    }
    for (const NetdevOption& d : o.netdevs)
        if (std::ranges::count_if(o.netdevs, [&](const NetdevOption& e) { return e.id == d.id; }) > 1)
            throw HostError(fmt::format("-netdev: two have the id {}", d.id));
}

}  // namespace ringfold
