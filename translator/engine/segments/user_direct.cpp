// Entry to, and exit from, guest code that is not translated: signals, and the state of both sides.
#include "translator/engine/segments/user_direct.h"

#include <asm/prctl.h>
#include <linux/prctl.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "translator/engine/host_faults.h"
#include "translator/engine/segments/descriptors.h"
#include "translator/engine/segments/low_memory.h"
#include "vmm/base/result.h"
#include "vmm/host/crash_report.h"

namespace ringfold::segments {

namespace {

constexpr int kInterrupt = SIGURG;  // sent by interrupt(); nothing else in this process uses it
constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, kInterrupt};
constexpr int kGuestRegisters[8] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI};
constexpr uint16_t kHostCode32 = 0x23;  // CS that SYSCALL leaves in the frame
constexpr uint32_t kDebugTrap = 1, kBreakpointTrap = 3, kOverflowTrap = 4, kPageFaultTrap = 14;
constexpr uint32_t kLeftToUser = flag::TF | flag::NT | flag::AC | flag::ID;  // of system_flags: what POPF changes in user mode

// One machine of the process has the low 4 GiB. Not thread-local: %fs may be the guest's when the handler runs.
std::atomic<UserDirect*> current = nullptr;

// By the system call itself: nothing here may use thread-local memory.
void set_thread_pointer(uint64_t base) {
    asm volatile("mov %0, %%fs" ::"r"(0));
    register long code asm("rdi") = ARCH_SET_FS;
    register uint64_t value asm("rsi") = base;
    long result = SYS_arch_prctl;
    asm volatile("syscall" : "+a"(result) : "r"(code), "r"(value) : "rcx", "r11", "memory");
}

template <class F>
uint16_t selector(F read) {
    uint32_t s = 0;
    read(s);
    return static_cast<uint16_t>(s);
}

[[gnu::no_stack_protector]] void on_signal(int signal, siginfo_t* info, void* raw) {
    UserDirect* direct = current.load(std::memory_order_relaxed);
    if (direct && direct->take_over(signal, *info, *static_cast<ucontext_t*>(raw))) return;
    if (signal != kInterrupt) handle_host_fault(signal, info, raw);
}

// System calls from above 4 GiB are the monitor's, whatever `selector` says; that of the vDSO's own code only while it allows them.
bool dispatch_system_calls(const uint8_t* selector) {
    const uint64_t vdso = getauxval(AT_SYSINFO_EHDR);
    const uint64_t end = vdso ? vdso : uint64_t{1} << 47;
    return prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, kFourGib, end - kFourGib, selector) == 0;
}

void check_host(const uint8_t* selector) {
    // Intel's run SYSENTER in 32-bit code, and the place that it came from is lost.
    if (!__builtin_cpu_is("amd"))
        throw HostError("-user direct needs a CPU of AMD's, on which SYSENTER in 32-bit code is an invalid instruction; use -user translated");
    if (!dispatch_system_calls(selector))
        throw HostError(fmt::format("-user direct needs prctl(PR_SET_SYSCALL_USER_DISPATCH) of Linux 5.11: {}; allow it in the seccomp "
                                    "filter of the container or service, or use -user translated",
                                    strerror(errno)));
    prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0);
}

}  // namespace

UserDirect::UserDirect(VcpuContext& context, const Stubs& stubs) : context_(context), stubs_(stubs) {
    check_host(&context.segments_state.untranslated);
    current = this;
    struct sigaction action {};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    sigfillset(&action.sa_mask);  // no other handler runs before the thread pointer is back
    for (const int s : kSignals) sigaction(s, &action, nullptr);
}

UserDirect::~UserDirect() {
    current = nullptr;
    prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0);
}

void UserDirect::begin_run() {
    const auto thread = static_cast<int>(syscall(SYS_gettid));
    if (thread == thread_) return;
    thread_ = thread;
    syscall(SYS_arch_prctl, ARCH_GET_FS, &thread_pointer_);
    if (!dispatch_system_calls(&context_.segments_state.untranslated)) host::crash("the host refuses syscall user dispatch to this thread");
}

// What the host's CPU would not do as the guest's must not come up: lazy FPU states, IF and IOPL of its own, and %fs, which
// the monitor's signal handlers need.
bool UserDirect::runs(const Mode& mode) const {
    const CpuState& cpu = context_.cpu;
    return mode.user && !(cpu.cr0 & (cr0::TS | cr0::EM)) && cpu.interrupt_flag && cpu.iopl() == 0 &&
           (cpu.segment[FS].selector & 0xfffc) == 0;
}

void UserDirect::prepare() {
    SegmentsState& s = context_.segments_state;
    context_.reload_fpu = context_.fpu_saved;
    s.untranslated_flags = (context_.cpu.eflags() & (flag::kArithmetic | flag::DF | flag::AC | flag::ID)) | flag::IF | flag::kAlwaysSet;
    given_ = {};
    given_[DS] = s.ds;
    given_[ES] = s.es;
    given_[SS] = s.ss;
    given_[GS] = s.gs;
}

void UserDirect::interrupt() noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const volatile uint8_t& runs = context_.segments_state.untranslated;
    if (runs) syscall(SYS_tgkill, getpid(), thread_, kInterrupt);
}

bool UserDirect::take_over(int signal, const siginfo_t& info, ucontext_t& host) {
    mcontext_t& m = host.uc_mcontext;
    VcpuContext& c = context_;
    const auto selectors = static_cast<uint64_t>(m.gregs[REG_CSGSFS]);
    const auto cs = static_cast<uint16_t>(selectors);
    const auto* pc = reinterpret_cast<const void*>(m.gregs[REG_RIP]);
    if (cs == kHostCode && signal == kInterrupt && pc >= stubs_.entry_checked && pc < stubs_.entry_end) {
        m.gregs[REG_RIP] = reinterpret_cast<greg_t>(stubs_.entry_given_up);
        return true;
    }
    lost_place_ = signal == SIGSYS && cs == kHostCode32;
    if (cs != kUserCode && !lost_place_) return false;
    found_[DS] = selector([](uint32_t& s) { asm("mov %%ds, %0" : "=r"(s)); });
    found_[ES] = selector([](uint32_t& s) { asm("mov %%es, %0" : "=r"(s)); });
    found_[FS] = selector([](uint32_t& s) { asm("mov %%fs, %0" : "=r"(s)); });
    found_[GS] = selector([](uint32_t& s) { asm("mov %%gs, %0" : "=r"(s)); });
    constexpr unsigned kSsShift = 48;
    found_[SS] = static_cast<uint16_t>(selectors >> kSsShift);
    set_thread_pointer(thread_pointer_);
    c.segments_state.untranslated = 0;
    record_fault(c.fault, signal, info, m);
    for (size_t n = 0; n < 8; ++n) c.fault.gpr[n] = static_cast<uint32_t>(m.gregs[kGuestRegisters[n]]);
    m.gregs[REG_CSGSFS] = static_cast<greg_t>((selectors & 0x0000ffffffff0000) | kHostCode | uint64_t{kHostStack} << kSsShift);
    m.gregs[REG_RSP] = static_cast<greg_t>(c.monitor_rsp);
    m.gregs[REG_R14] = reinterpret_cast<greg_t>(&c);
    m.gregs[REG_RIP] = reinterpret_cast<greg_t>(stubs_.untranslated_exit);
    m.gregs[REG_EFL] &= ~static_cast<greg_t>(kHostFlagsCleared);
    return true;
}

// Of one or two bytes, whose trap came behind it: INT3 and INTO, or INT n with their numbers.
uint32_t UserDirect::instruction_behind(uint32_t eip) const {
    constexpr uint8_t kInt3 = 0xcc, kInto = 0xce;
    const uint8_t last = *reinterpret_cast<const uint8_t*>(uintptr_t{eip - 1});  // it was fetched just now
    return eip - (last == kInt3 || last == kInto ? 1 : 2);
}

UntranslatedExit UserDirect::leave() {
    const HostFault& f = context_.fault;
    CpuState& cpu = context_.cpu;
    for (unsigned n = 0; n < 8; ++n) cpu.gpr[n] = f.gpr[n];
    const auto flags = static_cast<uint32_t>(f.rflags);
    cpu.arithmetic_flags = flags & flag::kArithmetic;
    cpu.direction_flag = (flags & flag::DF) != 0;
    cpu.system_flags = (cpu.system_flags & ~kLeftToUser) | (flags & kLeftToUser);
    cpu.eip = lost_place_ ? 0 : static_cast<uint32_t>(f.rip);
    const UntranslatedExit exit = kind();
    constexpr uint32_t kIntBytes = 2;
    if (f.signal == SIGSYS && !lost_place_) cpu.eip -= kIntBytes;
    const bool trap = f.signal == SIGTRAP || f.signal == SIGSEGV;
    if (trap && (f.trap == kBreakpointTrap || f.trap == kOverflowTrap)) cpu.eip = instruction_behind(cpu.eip);
    return exit != UntranslatedExit::SingleStep && found_ != given_ ? UntranslatedExit::Loads : exit;
}

UntranslatedExit UserDirect::kind() const {
    const HostFault& f = context_.fault;
    if (f.signal == kInterrupt) return UntranslatedExit::Interrupted;
    if (lost_place_) return UntranslatedExit::Undefined;
    if (f.signal == SIGSYS) return UntranslatedExit::Instruction;
    if (f.signal == SIGTRAP && f.trap == kDebugTrap) return UntranslatedExit::SingleStep;
    const bool paging = (f.signal == SIGSEGV || f.signal == SIGBUS) && f.trap == kPageFaultTrap;
    return paging ? UntranslatedExit::PageFault : UntranslatedExit::Instruction;
}

std::array<std::optional<uint16_t>, kSegments> UserDirect::loads() const {
    std::array<std::optional<uint16_t>, kSegments> loads{};
    for (unsigned n = 0; n < kSegments; ++n)
        if (n != CS && found_[n] != given_[n]) loads[n] = found_[n];
    return loads;
}

}  // namespace ringfold::segments
