// What an operation costs, in cycles of the time-stamp counter.
#pragma once

#include "x86.h"

// Prints "name: cycles", the median of many timings. `operation` does its work `repeat` times per call; the first `warm`
// calls warm caches and translators up.
void measure(const char* name, void (*operation)(u32 n), u32 repeat, u32 warm);
// `before` sets the scene for each call, untimed.
void measure_after(const char* name, void (*before)(void), void (*operation)(u32 n), u32 repeat, u32 warm);
