// A tap interface of the host: the guest is on a real network, as far as the host's administrator lets it.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "vmm/net/host_net.h"

namespace ringfold::net {

struct TapOptions {
    std::string interface;  // empty: the kernel chooses a name
    std::string shown;      // as the user wrote it, for messages
};

class TapNet final : public HostNet {
public:
    // Throws HostError where the host does not permit it.
    TapNet(const TapOptions&, host::Mailbox&);
    ~TapNet() override;

private:
    void run();
    void read_frames();

    const std::string shown_;
    host::Fd tap_;  // none once the host has taken the interface away
    std::atomic<bool> quit_{false};
    std::thread thread_;
};

}  // namespace ringfold::net
