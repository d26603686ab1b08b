// The -stats file: what a run did, counted by each part and gathered here as JSON.
#pragma once

#include <string>

#include "vmm/machine.h"
#include "vmm/run_loop.h"

namespace ringfold {

struct RunSummary {
    std::string accel;
    double seconds = 0;      // host time from power-on to the end
    double cpu_seconds = 0;  // host CPU time of the process
    unsigned resets = 0;
    std::string ending;
    int exit_status = 0;
    LoopTimes times;  // of the last machine
};

// Throws HostError if the file cannot be made; leaves it empty. To be called first: a run may be long.
void check_statistics_file(const std::string& path);

// Throws HostError if the file cannot be written. A reset starts the machine's counts anew: they are those of the
// last machine.
void write_statistics(const std::string& path, Machine&, const RunSummary&);

}  // namespace ringfold
