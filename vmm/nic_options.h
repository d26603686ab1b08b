// The options that say which network cards the machine has, and what is at the other end of their cables: -nic, -netdev
// with -device, and QEMU's old -net.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/net/net_port.h"
#include "vmm/net/tap_net.h"
#include "vmm/net/user_net.h"

namespace ringfold {

enum class NicModel : uint8_t { E1000, Ne2000, Virtio };

struct NetdevOption {
    enum class Kind : uint8_t { User, Tap } kind = Kind::User;
    std::string id;
    net::UserNetOptions user;
    net::TapOptions tap;
};

struct NicOption {
    NicModel model = NicModel::E1000;
    std::optional<net::MacAddress> mac;  // none: QEMU's, by number
    std::optional<std::string> rom;      // a file for its option ROM; "" for none; absent: iPXE's, if it is there
    std::string netdev;                  // the id of its cable's end
    std::optional<unsigned> boot_index;  // as DriveOption's
    std::string shown;                   // as the user wrote it, for messages
};

struct NicOptions {
    std::vector<NetdevOption> netdevs;
    std::vector<NicOption> nics;
    bool said = false;  // anything at all: then there is no default card

    // Old -net nic and -net user, joined at the end of the command line.
    std::vector<NicOption> old_nics;
    std::vector<NetdevOption> old_netdevs;
};

// Each throws HostError with a remedy. `option` is "nic", "netdev" or "net".
void parse_nic(std::string_view argument, NicOptions&);
void parse_netdev(std::string_view argument, NicOptions&);
void parse_net(std::string_view argument, NicOptions&);
// Takes -device MODEL,... if it is a network card's.
bool parse_nic_device(std::string_view argument, NicOptions&);
// Joins cards and cables at the end of the command line; `with_default` adds QEMU's user network if nothing was said.
void connect_nics(NicOptions&, bool with_default);

std::string nic_model_names();
// As QEMU calls it.
std::string_view nic_model_name(NicModel);

}  // namespace ringfold
