// splitmix32, and a checksum.
#include "draw.h"

u32 seed = 1, checksum = 0x811c9dc5;

u32 any32(void) {
    u32 z = seed += 0x9e3779b9;
    z = (z ^ z >> 16) * 0x85ebca6b;
    z = (z ^ z >> 13) * 0xc2b2ae35;
    return z ^ z >> 16;
}

u32 below(u32 n) { return (u32)((u64)any32() * n >> 32); }

void mix(u32 value) { checksum = (checksum << 5 | checksum >> 27) * 0x9e3779b1 ^ value; }
