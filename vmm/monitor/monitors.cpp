// Ports and the sessions on them.
#include "vmm/monitor/monitors.h"

#include <fmt/format.h>

#include "vmm/monitor/framers.h"

namespace ringfold {

Monitors::Monitors(const Options& options, MachineControl& control, Input& input) {
    const auto hand_over = [&control, &mailbox = input.mailbox()](std::function<void()> command) {
        mailbox.post([&control, command = std::move(command)] { control.enqueue(command); });
    };
    for (const CharAddress& a : options.ends.monitors) {
        Connection c;
        c.port = std::make_unique<MonitorPort>("-monitor", fmt::format("compat_monitor{}", all_.size()), a, std::make_unique<LineFramer>(), hand_over);
        c.session = std::make_unique<HmpSession>(control, *c.port);
        all_.push_back(std::move(c));
    }
    for (const CharAddress& a : options.ends.qmp) {
        Connection c;
        c.port = std::make_unique<MonitorPort>("-qmp", fmt::format("compat_monitor{}", all_.size()), a, std::make_unique<JsonFramer>(), hand_over);
        c.session = std::make_unique<QmpSession>(control, *c.port);
        all_.push_back(std::move(c));
    }
}

void Monitors::serve() {
    for (Connection& c : all_) c.port->serve(*c.session);
}

}  // namespace ringfold
