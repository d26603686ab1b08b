// The thin signal handler of translated code. It only moves: host registers to VcpuContext::fault, control to the
// monitor's fault entry on the monitor's stack. Whatever does not come from translated code goes to the crash
// report.
#pragma once

#include "translator/cache/code_cache.h"
#include "translator/engine/windows/return_stack.h"
#include "translator/engine/windows/stubs.h"

namespace ringfold::windows {

// What the handler needs of the vCPU that runs on this thread.
struct FaultTarget {
    VcpuContext* context;
    const CodeCache* cache;
    const ReturnStacks* stacks;
    const Stubs* stubs;
};

// Installs the handler (once per process) and a signal stack (once per thread).
void install_host_faults();
// nullptr: nothing of ours runs on this thread.
void set_fault_target(const FaultTarget* target);

// May code of ours set %gs without the host's help?
bool has_fsgsbase();
// Has %gs hold this window's base.
void set_window(uint64_t base);

}  // namespace ringfold::windows
