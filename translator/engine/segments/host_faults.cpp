// %fs is never loaded by translated code, so the handler has the host's thread pointer as it is.
#include "translator/engine/segments/host_faults.h"

#include "translator/engine/segments/descriptors.h"

namespace ringfold::segments {

namespace {

constexpr int kGuestRegisters[8] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI};
// REG_CSGSFS holds four selectors: CS, GS, FS, SS, from the lowest bits up.
constexpr unsigned kSsShift = 48;

}  // namespace

bool SegmentsFaults::handle(int signal, const siginfo_t& info, ucontext_t& host) {
    mcontext_t& m = host.uc_mcontext;
    const auto selectors = static_cast<uint64_t>(m.gregs[REG_CSGSFS]);
    if (static_cast<uint16_t>(selectors) != kCodeSelector) return false;
    if (!cache_.owns(reinterpret_cast<const void*>(m.gregs[REG_RIP]))) return false;
    VcpuContext& c = context_;
    record_fault(c.fault, signal, info, m);
    for (size_t n = 0; n < 8; ++n) c.fault.gpr[n] = static_cast<uint32_t>(m.gregs[kGuestRegisters[n]]);
    c.fault_with_fpu = c.fpu_saved == 0;
    const uint64_t kept = selectors & 0x0000ffffffff0000;
    m.gregs[REG_CSGSFS] = static_cast<greg_t>(kept | kHostCode | uint64_t{kHostStack} << kSsShift);
    m.gregs[REG_RSP] = static_cast<greg_t>(c.monitor_rsp);
    m.gregs[REG_RIP] = reinterpret_cast<greg_t>(entry_);
    m.gregs[REG_R14] = reinterpret_cast<greg_t>(&c);
    m.gregs[REG_EFL] &= ~static_cast<greg_t>(kHostFlagsCleared);
    return true;
}

}  // namespace ringfold::segments
