// The thin signal handler of translated code. It only moves: host registers to VcpuContext::fault, control to the
// monitor's fault entry on the monitor's stack. Whatever does not come from translated code goes to the crash
// report.
#pragma once

#include <signal.h>
#include <ucontext.h>

#include "translator/engine/vcpu_context.h"

namespace ringfold {

class HostFaultHandler {
public:
    virtual ~HostFaultHandler() = default;
    // In signal context. False: not a fault of translated code.
    virtual bool handle(int signal, const siginfo_t& info, ucontext_t& host) = 0;
};

// Installs the handler (once per process) and a signal stack (once per thread).
void install_host_faults();
// The handler, for an engine that has one in front of it.
void handle_host_fault(int signal, siginfo_t* info, void* ucontext);
// nullptr: nothing of ours runs on this thread.
void set_fault_handler(HostFaultHandler* handler);

// All but the general registers.
void record_fault(HostFault& fault, int signal, const siginfo_t& info, const mcontext_t& m);

// What translated code may not leave set for the monitor's: DF, TF, AC.
inline constexpr uint64_t kHostFlagsCleared = 1 << 10 | 1 << 8 | 1 << 18;

}  // namespace ringfold
