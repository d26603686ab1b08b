// What a bug in the monitor ends in: a report on standard error and exit status 134, with the terminal given back.
//
// Handlers for SIGSEGV, SIGABRT and their like run on a signal stack of their own. A part that has its
// own handler for guest code (the translator) installs it after install_crash_report() and calls
// crash_from_signal() for whatever is not its own.
#pragma once

#include <signal.h>

#include "vmm/base/cpu_state.h"

namespace ringfold::host {

// May be called again when another machine takes over; null: no guest to report.
void install_crash_report(const CpuState* guest);

// Called first in a crash, in signal context: gives the terminal back.
void set_crash_hook(void (*hook)());
void run_crash_hook();
// Called in a report, in signal context, to add lines about the translation that was running. `context` is null for
// crash(). Write with crash_print().
void set_crash_note(void (*note)(const ucontext_t* context));
void crash_print(const char* format, ...) __attribute__((format(printf, 1, 2)));

// Report and leave. `what` says which promise was broken.
[[noreturn]] void crash(const char* what);
[[noreturn]] void crash_from_signal(int signal, siginfo_t* info, void* ucontext);

// The calling thread gets a signal stack, on which handlers run while its own stack belongs to guest code or is
// used up. Kept for the life of the thread.
void use_signal_stack();

}  // namespace ringfold::host
