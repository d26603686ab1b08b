// What an operating system is asked for, as bench/system times it.
#pragma once

#include <cstdint>

#include "guests/workloads/runner.h"

// calls.cpp: one process and the kernel
uint32_t getppid_calls();
uint32_t signals();
uint32_t map_touch_unmap();
// processes.cpp: more than one
uint32_t fork_and_wait();
uint32_t fork_and_exec();
uint32_t pipe_ping_pong();
// programs.cpp: busybox at work, as PATH finds it
uint32_t shell_script();
void prepare_text();
uint32_t gzip_text();
