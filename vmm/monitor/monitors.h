// All monitors that the command line asks for.
#pragma once

#include <memory>
#include <vector>

#include "vmm/monitor/sessions.h"

namespace ringfold {

class Monitors {
public:
    // Listens at once; throws HostError.
    Monitors(const Options& options, MachineControl& control, Input& input);
    // Talks, once the machine is there.
    void serve();

private:
    struct Connection {
        std::unique_ptr<MonitorSession> session;
        std::unique_ptr<MonitorPort> port;  // goes first, with its thread
    };
    std::vector<Connection> all_;
};

}  // namespace ringfold
