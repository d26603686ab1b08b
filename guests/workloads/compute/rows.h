// The pieces of work that bench/compute times: each some 20 ms on a current CPU, with a checksum of what it computed,
// which must be the same everywhere.
#pragma once

#include <cstdint>

#include "guests/workloads/runner.h"

// integer.cpp: registers only
uint32_t integer_loop();
uint32_t branches();
uint32_t wide_arithmetic();
// control.cpp: calls, returns, jumps by table
uint32_t recursion();
uint32_t function_pointers();
uint32_t virtual_calls();
uint32_t byte_code();
// memory.cpp: loads and stores
uint32_t sort();
uint32_t sieve();
void prepare_near();
uint32_t chase_near();
void prepare_far();
uint32_t chase_far();
uint32_t copy_library();
uint32_t copy_repeat();
// text.cpp: bytes
uint32_t sha256();
uint32_t hash_table();
uint32_t strings_library();
uint32_t strings_repeat();
// x87.cpp, sse2.cpp: floating point
uint32_t x87_bodies();
uint32_t x87_functions();
uint32_t sse2_bodies();
uint32_t sse2_matrix();
