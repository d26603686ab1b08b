// One loop for every kind of CPU: runs the guest, serves its devices in between, sleeps while it has nothing to do.
#pragma once

#include <optional>

#include "vmm/machine.h"

namespace ringfold {

class MachineControl;

// Where the host's time went, seen from the loop.
struct LoopTimes {
    Nanoseconds cpu = 0;      // inside Cpu::run()
    Nanoseconds devices = 0;  // timed devices and the console
    Nanoseconds idle = 0;     // asleep, because the guest was
    uint64_t runs = 0, sleeps = 0;
};

struct Ending {
    enum class Reason : uint8_t {
        Reset,
        PowerOff,
        DebugExit,
        Left,
        StopSignal,
        TripleFault,
        TimeLimit,
        Wish,  // of a monitor's user: see MachineControl::wish()
    } reason;
    int status = 0;  // DebugExit: the exit status; StopSignal: the signal
    LoopTimes times{};
};

struct RunLimits {
    int stop_fd = -1;                    // readable: a stop signal has come
    std::optional<Nanoseconds> stop_at;  // on the input's clock
    MachineControl* control = nullptr;   // whose commands are run in between, and who may stop the machine
};

// Returns when the guest ended, was left, or was stopped from outside. The machine is then exact between two
// instructions.
Ending run_loop(Machine&, Input&, const RunLimits&);

}  // namespace ringfold
