// The rate of the host's time-stamp counter, which the guest's counter shares.
#pragma once

#include <cstdint>

namespace ringfold::host {

// In kHz, to a few parts in a million; 0 if the host does not promise a constant rate. Measured once. The first call may take up to 10 milliseconds.
uint32_t tsc_khz();

}  // namespace ringfold::host
