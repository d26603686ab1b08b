// Checks and the report about them; see protocol.h.
#pragma once

#include "x86.h"

// %s %c %u %d %x %X(8 digits) only.
void print(const char* format, ...);
void check(bool good, const char* name, ...);
void check_equal(u32 got, u32 want, const char* name, ...);
// Prints the summary and leaves; also what returning from main() does.
_Noreturn void finish(void);
// For what leaves no way to go on.
_Noreturn void give_up(const char* format, ...);

// Writes a formatted name, for checks made in loops. The text lasts until the fourth next call.
const char* named(const char* format, ...);
