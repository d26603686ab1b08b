// The signal handler itself: who runs on this thread says what becomes of a fault.
#include "translator/engine/host_faults.h"

#include <csignal>
#include <mutex>

#include "vmm/host/crash_report.h"

namespace ringfold {

namespace {

thread_local HostFaultHandler* current = nullptr;

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};

}  // namespace

void handle_host_fault(int signal, siginfo_t* info, void* raw) {
    auto* uc = static_cast<ucontext_t*>(raw);
    // What another process sent (si_code 0 or less) is no fault of the code that it met.
    if (info->si_code > 0 && current && current->handle(signal, *info, *uc)) return;
    host::crash_from_signal(signal, info, raw);
}

namespace {

void install_handlers() {
    struct sigaction action {};
    action.sa_sigaction = handle_host_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    for (int s : kSignals) sigaction(s, &action, nullptr);
}

}  // namespace

void install_host_faults() {
    static std::once_flag once;
    std::call_once(once, install_handlers);
    host::use_signal_stack();
}

void set_fault_handler(HostFaultHandler* handler) {
    current = handler;
}

void record_fault(HostFault& fault, int signal, const siginfo_t& info, const mcontext_t& m) {
    fault.rip = static_cast<uint64_t>(m.gregs[REG_RIP]);
    fault.rflags = static_cast<uint64_t>(m.gregs[REG_EFL]);
    fault.address = reinterpret_cast<uint64_t>(info.si_addr);
    fault.signal = signal;
    fault.trap = static_cast<uint32_t>(m.gregs[REG_TRAPNO]);
    fault.error = static_cast<uint32_t>(m.gregs[REG_ERR]);
}

}  // namespace ringfold
