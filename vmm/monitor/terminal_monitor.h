// The human monitor on the terminal that the serial port is on too: behind Ctrl-A c.
#pragma once

#include "vmm/monitor/framers.h"
#include "vmm/monitor/hmp.h"

namespace ringfold {

class TerminalMonitor {
public:
    explicit TerminalMonitor(MachineControl& control) : control_(control), hmp_(control, true) {}
    void key(uint8_t byte);
    void focus(bool here);

private:
    void say(std::string_view text);

    MachineControl& control_;
    Hmp hmp_;
    LineFramer line_;
};

}  // namespace ringfold
