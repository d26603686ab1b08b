// Random numbers, all from one seed, and the checksum of what came of them.
#pragma once

#include "x86.h"

extern u32 seed, checksum;

u32 below(u32 n);
u32 any32(void);
static inline bool one_in(u32 n) { return below(n) == 0; }
void mix(u32 value);
