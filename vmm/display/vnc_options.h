// -vnc ADDRESS:N[,password=on|,password-file=FILE]: who may look at the guest's screen over the network.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringfold {

struct VncOptions {
    uint32_t address = 0x7f000001;  // IPv4, in the host's byte order; 127.0.0.1 unless said otherwise
    uint16_t port = 5900;           // 5900 + N
    std::string password_file;      // its first line
    bool password = false;          // a monitor sets it. Neither: whoever reaches the port may look and type
};

// None for "none". Throws HostError with a remedy.
std::optional<VncOptions> parse_vnc(std::string_view);

// The password in the first line of that file. VNC looks at its first eight characters only, so a longer one is
// refused. Throws HostError.
void check_vnc_password(const std::string& password, const std::string& what);  // is one that VNC can have
std::string read_vnc_password(const std::string& file);

}  // namespace ringfold
