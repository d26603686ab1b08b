// The host's ends of the cables that the command line asks for. They outlive the machine, which a reset replaces.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "vmm/host/mailbox.h"
#include "vmm/net/host_net.h"
#include "vmm/nic_options.h"

namespace ringfold {

class Networks {
public:
    // Starts their threads; throws HostError. The mailbox is where frames for the guest arrive.
    Networks(const NicOptions&, host::Mailbox&);
    net::HostNet& find(const std::string& id) const;

private:
    struct Entry {
        std::string id;
        std::unique_ptr<net::HostNet> net;
    };
    std::vector<Entry> entries_;
};

}  // namespace ringfold
