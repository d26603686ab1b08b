// The windows engine's faults.
#include "translator/engine/windows/host_faults.h"

#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "translator/engine/windows/registers.h"

namespace ringfold::windows {

namespace {

constexpr int kArchSetGs = 0x1001;  // asm/prctl.h
// Of the guest's registers, in the order of the instruction encoding; ESP is in r12.
constexpr int kGuestRegisters[8] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_R12, REG_RBP, REG_RSI, REG_RDI};

}  // namespace

// Deep recursion: forget what is there, but for a page's base that the call in question has just pushed, and go on.
bool WindowsFaults::restart_return_stack(const siginfo_t& info, mcontext_t& m) const {
    if (!stacks_.overflowed(reinterpret_cast<uint64_t>(info.si_addr))) return false;
    const uint64_t last = *reinterpret_cast<const uint64_t*>(m.gregs[REG_RSP]);
    auto* rsp = reinterpret_cast<uint64_t*>(context_.return_top);
    if (last <= UINT32_MAX) *--rsp = last;
    m.gregs[REG_RSP] = reinterpret_cast<greg_t>(rsp);
    return true;
}

bool WindowsFaults::handle(int signal, const siginfo_t& info, ucontext_t& host) {
    mcontext_t& m = host.uc_mcontext;
    if (!cache_.owns(reinterpret_cast<const void*>(m.gregs[REG_RIP]))) return false;
    if (signal == SIGSEGV && restart_return_stack(info, m)) return true;
    VcpuContext& c = context_;
    record_fault(c.fault, signal, info, m);
    for (size_t n = 0; n < 8; ++n) c.fault.gpr[n] = static_cast<uint32_t>(m.gregs[kGuestRegisters[n]]);
    c.fault.target = static_cast<uint32_t>(m.gregs[REG_R8]);
    c.fault_with_fpu = c.fpu_saved == 0;
    c.return_rsp = static_cast<uint64_t>(m.gregs[REG_RSP]);
    m.gregs[REG_RSP] = static_cast<greg_t>(c.monitor_rsp);
    m.gregs[REG_RIP] = reinterpret_cast<greg_t>(stubs_.host_fault);
    m.gregs[REG_R14] = static_cast<greg_t>(reinterpret_cast<uint64_t>(&c) + kContextBias);
    m.gregs[REG_EFL] &= ~static_cast<greg_t>(kHostFlagsCleared);
    return true;
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

}  // namespace ringfold::windows
