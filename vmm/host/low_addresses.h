// The low end of the process's addresses.
#pragma once

#include <cstdint>

namespace ringfold::host {

// The lowest address that the host lets an ordinary process map: /proc/sys/vm/mmap_min_addr, in bytes.
uint64_t least_address();

// Takes all addresses from `from` up to `to`, with nothing mapped there; false, and errno, if a part is in use or refused.
bool reserve_addresses(uint64_t from, uint64_t to);

}  // namespace ringfold::host
