// -vnc.
#include "vmm/display/vnc_options.h"

#include <charconv>
#include <fstream>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "vmm/base/result.h"
#include "vmm/option_words.h"

namespace ringfold {

namespace {

constexpr unsigned kFirstPort = 5900, kLastDisplay = 99;
constexpr size_t kLongestPassword = 8;

[[noreturn]] void bad(std::string_view value, std::string_view remedy) {
    throw HostError(fmt::format("-vnc {}: {}", value.empty() ? "''" : value, remedy));
}

uint32_t parse_address(std::string_view whole, std::string_view host) {
    if (host.empty() || host == "localhost") return INADDR_LOOPBACK;
    in_addr address{};
    if (inet_pton(AF_INET, std::string(host).c_str(), &address) != 1)
        bad(whole, "the address is not one of IPv4; write :N for this host only, or 0.0.0.0:N for all who reach it");
    return ntohl(address.s_addr);
}

void parse_word(std::string_view whole, const OptionWord& w, VncOptions& o) {
    if (w.key == "password-file" && !w.value.empty())
        o.password_file = w.value;
    else if (w.key == "password")
        o.password = option_switch(fmt::format("-vnc {}", whole), w);
    else if (w.whole() != "share=ignore" && w.whole() != "to=0")
        bad(whole, fmt::format("{} is not known; write -vnc [ADDRESS]:N[,password=on|,password-file=FILE]", w.whole()));
}

}  // namespace

std::optional<VncOptions> parse_vnc(std::string_view text) {
    const std::string_view whole = text;
    const auto comma = text.find(',');
    const std::string_view place = text.substr(0, comma);
    if (place == "none") return std::nullopt;
    const auto colon = place.rfind(':');
    unsigned display = 0;
    const char* const end = place.data() + place.size();
    if (colon == std::string_view::npos) bad(whole, "write :N for the port 5900 + N, for example -vnc :1");
    const auto [stop, error] = std::from_chars(place.data() + colon + 1, end, display);
    if (error != std::errc{} || stop != end || display > kLastDisplay)
        bad(whole, "N is a number from 0 to 99, for the port 5900 + N, for example -vnc :1");
    VncOptions o{.address = parse_address(whole, place.substr(0, colon)),
                 .port = static_cast<uint16_t>(kFirstPort + display)};
    auto rest = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    while (!rest.empty()) parse_word(whole, take_option_word(rest), o);
    if (o.password && !o.password_file.empty()) bad(whole, "password=on and password-file are two ways; write one");
    return o;
}

void check_vnc_password(const std::string& password, const std::string& what) {
    if (password.size() > kLongestPassword)
        throw HostError(fmt::format("{}: VNC's passwords have at most eight characters", what));
}

std::string read_vnc_password(const std::string& file) {
    std::ifstream in(file);
    char line[kLongestPassword + 2] = {};  // one that is too long is seen to be; a device may never end its line
    in.getline(line, sizeof line);
    const std::string password = line;
    if (password.empty())
        throw HostError(
            fmt::format("-vnc password-file={}: cannot read a password there; write it in the first line", file));
    check_vnc_password(password, fmt::format("-vnc password-file={}", file));
    return password;
}

}  // namespace ringfold
