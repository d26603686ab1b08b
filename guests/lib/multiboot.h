// Numbers from the command line of a Multiboot kernel: "name=value", separated by spaces.
#pragma once

#include "x86.h"

u32 option(const char* name, u32 otherwise);
