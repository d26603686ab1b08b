// Opens what the network options name.
#include "vmm/networks.h"

#include "vmm/base/result.h"

namespace ringfold {

Networks::Networks(const NicOptions& options, host::Mailbox& mailbox) {
    for (const NetdevOption& o : options.netdevs) {
        std::unique_ptr<net::HostNet> net;
        if (o.kind == NetdevOption::Kind::Tap)
            net = std::make_unique<net::TapNet>(o.tap, mailbox);
        else
            net = std::make_unique<net::UserNet>(o.user, mailbox);
        entries_.push_back({o.id, std::move(net)});
    }
}

net::HostNet& Networks::find(const std::string& id) const {
    for (const Entry& e : entries_)
        if (e.id == id) return *e.net;
    throw HostError("there is no network " + id);
}

}  // namespace ringfold
