// The thin signal handler of translated code.
#include "translator/engine/windows/host_faults.h"

#include <csignal>
#include <mutex>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "translator/engine/windows/registers.h"
#include "vmm/host/crash_report.h"

namespace ringfold::windows {

namespace {

thread_local const FaultTarget* current = nullptr;

constexpr int kArchSetGs = 0x1001;  // asm/prctl.h
constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
constexpr uint64_t kHostFlagsCleared = 1 << 10 | 1 << 8 | 1 << 18;  // DF, TF, AC
// In the order of the instruction encoding.
constexpr int kRegisters[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

void record(HostFault& fault, int signal, const siginfo_t& info, const mcontext_t& m) {
    for (int n = 0; n < 16; ++n) fault.gpr[n] = static_cast<uint64_t>(m.gregs[kRegisters[n]]);
    fault.rip = static_cast<uint64_t>(m.gregs[REG_RIP]);
    fault.rflags = static_cast<uint64_t>(m.gregs[REG_EFL]);
    fault.address = reinterpret_cast<uint64_t>(info.si_addr);
    fault.signal = signal;
    fault.trap = static_cast<uint32_t>(m.gregs[REG_TRAPNO]);
    fault.error = static_cast<uint32_t>(m.gregs[REG_ERR]);
}

// Deep recursion: forget the pairs, and go on. A call whose pair's first half is pushed gets an empty half.
bool restart_return_stack(const FaultTarget& t, const siginfo_t& info, mcontext_t& m) {
    if (!t.stacks->overflowed(reinterpret_cast<uint64_t>(info.si_addr))) return false;
    const auto* code = reinterpret_cast<const uint8_t*>(m.gregs[REG_RIP]);
    // CALL rel32, or CALL of a jump cache slot behind a REX prefix.
    const bool is_call = *code == 0xe8 || ((*code & 0xf0) == 0x40 && code[1] == 0xff);
    const uint64_t top = 0u - t.context->negated_return_top;
    m.gregs[REG_RSP] = static_cast<greg_t>(is_call ? top - 8 : top);
    return true;
}

void handle(int signal, siginfo_t* info, void* raw) {
    auto* uc = static_cast<ucontext_t*>(raw);
    mcontext_t& m = uc->uc_mcontext;
    const FaultTarget* t = current;
    // What another process sent (si_code 0 or less) is no fault of the code that it met.
    const bool fault = info->si_code > 0 && t && t->cache->owns(reinterpret_cast<const void*>(m.gregs[REG_RIP]));
    if (!fault) host::crash_from_signal(signal, info, raw);
    if (signal == SIGSEGV && restart_return_stack(*t, *info, m)) return;
    VcpuContext& c = *t->context;
    record(c.fault, signal, *info, m);
    c.fault_with_fpu = c.fpu_saved == 0;
    c.return_rsp = c.fault.gpr[4];
    m.gregs[REG_RSP] = static_cast<greg_t>(c.monitor_rsp);
    m.gregs[REG_RIP] = reinterpret_cast<greg_t>(t->stubs->host_fault);
    m.gregs[REG_R14] = static_cast<greg_t>(reinterpret_cast<uint64_t>(&c) + kContextBias);
    m.gregs[REG_EFL] &= ~static_cast<greg_t>(kHostFlagsCleared);
}

void install_handlers() {
    struct sigaction action {};
    action.sa_sigaction = handle;
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

bool has_fsgsbase() {
    static const bool has = getauxval(AT_HWCAP2) & 2;  // HWCAP2_FSGSBASE
    return has;
}

void set_window(uint64_t base) {
    if (has_fsgsbase())
        asm volatile("wrgsbase %0" : : "r"(base));
    else
        syscall(SYS_arch_prctl, kArchSetGs, base);
}

void set_fault_target(const FaultTarget* target) {
    current = target;
}

}  // namespace ringfold::windows
