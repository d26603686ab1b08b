// User networking: libslirp plays router, DHCP server and name server for the guest, and opens ordinary sockets on the
// host for what the guest wants of the world. It runs on a thread of its own and needs no privilege.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <netinet/in.h>

#include "vmm/net/host_net.h"

namespace ringfold::net {

// Addresses in network byte order; 0 means libslirp's usual place in the network.
struct UserNetOptions {
    struct Forward {
        bool udp = false;
        in_addr host{}, guest{};  // guest 0: the first address that DHCP gives
        uint16_t host_port = 0, guest_port = 0;
    };
    in_addr network{htonl(0x0a000200)}, mask{htonl(0xffffff00)};
    in_addr host{htonl(0x0a000202)}, dhcp_start{htonl(0x0a00020f)}, name_server{htonl(0x0a000203)};
    bool ipv4 = true, ipv6 = true;
    bool restricted = false;  // nothing but what is forwarded
    std::string host_name, domain, tftp_folder, boot_file;
    std::vector<Forward> forwards;
    std::string shown;  // as the user wrote it, for messages
};

class UserNet final : public HostNet {
public:
    // Throws HostError: a port to be forwarded is taken, or libslirp does not take the addresses.
    UserNet(const UserNetOptions&, host::Mailbox&);
    ~UserNet() override;

private:
    class Stack;
    void run();

    std::unique_ptr<Stack> stack_;  // the thread's
    std::atomic<bool> quit_{false};
    std::thread thread_;
};

}  // namespace ringfold::net
