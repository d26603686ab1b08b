// Reports a bug in the monitor: guest state, host registers, host stack. Runs in signal context, so it formats into
// a buffer on its stack and writes with write(2) alone.
#include "vmm/host/crash_report.h"

#include <execinfo.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "vmm/base/log.h"

namespace ringfold::host {

namespace {

constexpr int kCrashStatus = 134;  // as a shell shows SIGABRT
constexpr size_t kSignalStackBytes = 64 << 10;
constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP};

std::atomic<const CpuState*> guest_state{nullptr};
std::atomic<void (*)()> crash_hook{nullptr};
std::atomic<void (*)(const ucontext_t*)> crash_note{nullptr};
std::atomic_flag crashing = ATOMIC_FLAG_INIT;

void print_guest(const CpuState& s) {
    crash_print("guest: eip %08x eflags %08x cpl %u activity %u\n", s.eip, s.eflags(), s.cpl,
                static_cast<unsigned>(s.activity));
    crash_print("  eax %08x ecx %08x edx %08x ebx %08x esp %08x ebp %08x esi %08x edi %08x\n", s.gpr[EAX], s.gpr[ECX],
                s.gpr[EDX], s.gpr[EBX], s.gpr[ESP], s.gpr[EBP], s.gpr[ESI], s.gpr[EDI]);
    crash_print("  cr0 %08x cr2 %08x cr3 %08x cr4 %08x gdt %08x+%04x idt %08x+%04x\n", s.cr0, s.cr2, s.cr3, s.cr4,
                s.gdtr.base, s.gdtr.limit, s.idtr.base, s.idtr.limit);
    static constexpr const char* kNames[] = {"es", "cs", "ss", "ds", "fs", "gs"};
    for (size_t i = 0; i < kSegments; ++i)
        crash_print("  %s %04x base %08x limit %08x attributes %04x\n", kNames[i], s.segment[i].selector,
                    s.segment[i].base, s.segment[i].limit, s.segment[i].attributes);
}

void print_host(const ucontext_t& context) {
    static constexpr struct {
        const char* name;
        int index;
    } kRegisters[] = {{"rip", REG_RIP}, {"rsp", REG_RSP}, {"rbp", REG_RBP}, {"rax", REG_RAX}, {"rbx", REG_RBX},
                      {"rcx", REG_RCX}, {"rdx", REG_RDX}, {"rsi", REG_RSI}, {"rdi", REG_RDI}, {"r8 ", REG_R8},
                      {"r9 ", REG_R9},  {"r10", REG_R10}, {"r11", REG_R11}, {"r12", REG_R12}, {"r13", REG_R13},
                      {"r14", REG_R14}, {"r15", REG_R15}, {"efl", REG_EFL}, {"err", REG_ERR}, {"trp", REG_TRAPNO},
                      {"cr2", REG_CR2}};
    crash_print("host:\n");
    int column = 0;
    for (const auto& r : kRegisters)
        crash_print("  %s %016llx%s", r.name, static_cast<unsigned long long>(context.uc_mcontext.gregs[r.index]),
                    ++column % 3 ? "" : "\n");
}

void print_stack() {
    void* frames[48];
    crash_print("host stack:\n");
    backtrace_symbols_fd(frames, backtrace(frames, 48), STDERR_FILENO);
}

// A crash inside the report, or in a second thread during it, must not report again.
void enter_crash() {
    if (crashing.test_and_set()) _exit(kCrashStatus);
    run_crash_hook();
}

// What the log still holds is what one wants to see now. The crash may have come inside stdio, so that this may hang:
// then the alarm ends it.
void flush_log() {
    struct sigaction action {};
    action.sa_handler = [](int) { _exit(kCrashStatus); };
    sigaction(SIGALRM, &action, nullptr);
    alarm(2);
    log::flush();
}

[[noreturn]] void finish(const ucontext_t* context) {
    if (const CpuState* guest = guest_state.load()) print_guest(*guest);
    if (auto note = crash_note.load()) note(context);
    if (context) print_host(*context);
    print_stack();
    flush_log();
    crash_print("This is a bug in ringfold, whatever the guest did. Please report it with the text above.\n");
    _exit(kCrashStatus);
}

}  // namespace

void crash_print(const char* format, ...) {
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    const int n = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    const size_t length = n < 0 ? 0 : std::min<size_t>(static_cast<size_t>(n), sizeof line - 1);
    if (::write(STDERR_FILENO, line, length) < 0) return;  // nobody is left to tell
}

void crash(const char* what) {
    enter_crash();
    crash_print("\nringfold: internal error: %s\n", what);
    finish(nullptr);
}

void crash_from_signal(int signal, siginfo_t* info, void* ucontext) {
    enter_crash();
    crash_print("\nringfold: internal error: signal %d (%s), code %d, address %p\n", signal, sigdescr_np(signal),
                info->si_code, info->si_addr);
    finish(static_cast<const ucontext_t*>(ucontext));
}

void set_crash_hook(void (*hook)()) {
    crash_hook = hook;
}
void run_crash_hook() {
    if (auto hook = crash_hook.load()) hook();
}

void set_crash_note(void (*note)(const ucontext_t*)) {
    crash_note = note;
}

void use_signal_stack() {
    thread_local std::unique_ptr<char[]> memory;
    if (memory) return;
    memory = std::make_unique<char[]>(kSignalStackBytes);
    stack_t stack{};
    stack.ss_sp = memory.get();
    stack.ss_size = kSignalStackBytes;
    sigaltstack(&stack, nullptr);
}

void install_crash_report(const CpuState* guest) {
    guest_state = guest;
    use_signal_stack();
    static bool installed = false;
    if (installed) return;
    installed = true;
    void* frame;
    backtrace(&frame, 1);  // loads libgcc now: it may not be loaded from a signal handler
    struct sigaction action {};
    action.sa_sigaction = crash_from_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    for (int s : kSignals) sigaction(s, &action, nullptr);
}

}  // namespace ringfold::host
