// The host CPU as a judge: a small process that runs 32-bit user code on the real thing and reports the exception
// that ended it. A process of its own, so that code under test owns the low 4 GiB and can hurt nobody.
//
// The way in is IRETQ to Linux's 32-bit user code selector with all registers and flags loaded; the way out is the
// signal that the exception becomes. System calls made by code under test are turned into SIGSYS by seccomp.
#include <ucontext.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <initializer_list>

#include <asm/ldt.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "test/support/native_protocol.h"

using namespace ringfold::test;

namespace {

constexpr uint64_t kAltStackBytes = 256 * 1024;
constexpr int kTimeLimitMicroseconds = 300'000;

NativeExchange* exchange;
NativePage mapped[kMaxNativePages];
uint32_t mapped_count;
uint64_t loaded_ldt[kMaxNativeDescriptors];

[[noreturn]] void die(const char* why) {
    (void)!write(2, why, strlen(why));
    _exit(3);
}

}  // namespace

extern "C" {
uint64_t judge_rsp, judge_fsbase;
uint16_t judge_segment[6];
void enter_guest(const NativeState*);
void guest_signal(int, siginfo_t*, void*);
int record_signal(int, siginfo_t*, ucontext_t*);
}

// enter_guest: saves what the ABI says, loads the guest, leaves by IRETQ. It returns when guest_signal jumps to its
// second half. guest_signal runs on the alternate stack, perhaps with the guest's AC flag (alignment checks) and NT
// (under which IRETQ faults), and without %fs.
asm(R"(
.text
enter_guest:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, judge_rsp(%rip)
    rdfsbase %rax
    mov %rax, judge_fsbase(%rip)
    fxrstor 64(%rdi)
    mov $0x2b, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    push $0x2b
    mov 16(%rdi), %eax
    push %rax
    mov 36(%rdi), %eax
    push %rax
    push $0x23
    mov 32(%rdi), %eax
    push %rax
    mov 0(%rdi), %eax
    mov 4(%rdi), %ecx
    mov 8(%rdi), %edx
    mov 12(%rdi), %ebx
    mov 20(%rdi), %ebp
    mov 24(%rdi), %esi
    mov 28(%rdi), %edi
    iretq

guest_signal:
    pushfq
    andq $~0x44000, (%rsp)
    popfq
    mov %es, judge_segment(%rip)
    mov %ds, judge_segment+6(%rip)
    mov %fs, judge_segment+8(%rip)
    mov %gs, judge_segment+10(%rip)
    xor %eax, %eax
    mov %eax, %fs
    mov %eax, %gs
    mov judge_fsbase(%rip), %rax
    wrfsbase %rax
    sub $8, %rsp
    call record_signal
    add $8, %rsp
    test %eax, %eax
    jnz 1f
    ret
1:  mov judge_rsp(%rip), %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
)");

static_assert(offsetof(NativeState, eip) == 32 && offsetof(NativeState, eflags) == 36 &&
                  offsetof(NativeState, fpu) == 64,
              "enter_guest");

// True if the signal ended a guest run; false for a timer that rang too late.
int record_signal(int signal, siginfo_t*, ucontext_t* context) {
    const auto& r = context->uc_mcontext.gregs;
    const auto selectors = static_cast<uint64_t>(r[REG_CSGSFS]);
    const auto cs = static_cast<uint16_t>(selectors), ss = static_cast<uint16_t>(selectors >> 48);
    if (cs == 0x33) {
        if (signal == SIGALRM) return 0;
        fprintf(stderr,
                "native_judge: a fault of its own: signal %d, trap %lld, error %llx, rip %llx, cr2 %llx, eflags %llx; "
                "guest eip %x\n",
                signal, r[REG_TRAPNO], r[REG_ERR], r[REG_RIP], r[REG_CR2], r[REG_EFL], exchange->begin.eip);
        _exit(3);
    }
    NativeState& end = exchange->end;
    constexpr int kOrder[8] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI};
    for (int i = 0; i < 8; ++i) end.gpr[i] = static_cast<uint32_t>(r[kOrder[i]]);
    end.eip = static_cast<uint32_t>(r[REG_RIP]);
    end.eflags = static_cast<uint32_t>(r[REG_EFL]);
    memcpy(end.segment, judge_segment, sizeof end.segment);
    end.segment[1] = cs;
    end.segment[2] = ss;
    memcpy(end.fpu, context->uc_mcontext.fpregs, sizeof end.fpu);
    exchange->signal = static_cast<uint32_t>(signal);
    exchange->vector = static_cast<uint32_t>(r[REG_TRAPNO]);
    exchange->error_code = static_cast<uint32_t>(r[REG_ERR]);
    exchange->cr2 = static_cast<uint32_t>(r[REG_CR2]);
    return 1;
}

namespace {

void catch_signals() {
    void* stack = mmap(nullptr, kAltStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack == MAP_FAILED) die("native_judge: no memory for the signal stack\n");
    stack_t alternate{};
    alternate.ss_sp = stack;
    alternate.ss_size = kAltStackBytes;
    sigaltstack(&alternate, nullptr);
    struct sigaction action {};
    action.sa_sigaction = guest_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    for (const int s : {SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGBUS, SIGALRM, SIGSYS}) sigaction(s, &action, nullptr);
}

// A system call by the 32-bit ABI can only come from the code under test.
void refuse_guest_system_calls() {
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{sizeof filter / sizeof filter[0], filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        die("native_judge: no seccomp\n");
}

// MAP_POPULATE: else the error code of a write to a read-only page could say "not present".
void map_pages() {
    if (mapped_count == exchange->pages && memcmp(mapped, exchange->page, mapped_count * sizeof(NativePage)) == 0)
        return;
    for (uint32_t i = 0; i < mapped_count; ++i) munmap(reinterpret_cast<void*>(uint64_t{mapped[i].address}), 4096);
    mapped_count = exchange->pages;
    memcpy(mapped, exchange->page, sizeof mapped);
    for (uint32_t i = 0; i < mapped_count; ++i) {
        void* const address = reinterpret_cast<void*>(uint64_t{mapped[i].address});
        const int protection = PROT_READ | PROT_EXEC | (mapped[i].writable ? PROT_WRITE : 0);
        if (mmap(address, 4096, protection, MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_POPULATE, kNativeMemory,
                 kNativeHeaderBytes + i * 4096) != address)
            die("native_judge: cannot map a page of the test\n");
    }
}

// What Linux lets a process have: code and data of ring 3, and conforming code only as not present. It sets the
// accessed bit.
void load_ldt() {
    constexpr int kWrite = 0x11;
    for (unsigned i = 0; i < kMaxNativeDescriptors; ++i) {
        const uint64_t d = exchange->ldt[i];
        if (d == loaded_ldt[i]) continue;
        user_desc entry{};
        entry.entry_number = i;
        entry.base_addr = static_cast<uint32_t>((d >> 16 & 0xffffff) | (d >> 32 & 0xff000000));
        entry.limit = static_cast<uint32_t>((d & 0xffff) | (d >> 32 & 0xf0000));
        entry.seg_32bit = d >> 54 & 1;
        entry.contents = d >> 42 & 3;
        entry.read_exec_only = !(d >> 41 & 1);
        entry.limit_in_pages = d >> 55 & 1;
        entry.seg_not_present = !(d >> 47 & 1);
        entry.useable = d >> 52 & 1;
        if (syscall(SYS_modify_ldt, kWrite, &entry, sizeof entry) != 0) die("native_judge: modify_ldt refuses a descriptor\n");
        loaded_ldt[i] = d;
    }
}

void set_timer(int microseconds) {
    const itimerval limit{{0, 0}, {0, microseconds}};
    setitimer(ITIMER_REAL, &limit, nullptr);
}

}  // namespace

int main() {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    void* shared = mmap(nullptr, kNativeHeaderBytes, PROT_READ | PROT_WRITE, MAP_SHARED, kNativeMemory, 0);
    if (shared == MAP_FAILED) die("native_judge: started by hand? It serves the tests.\n");
    exchange = static_cast<NativeExchange*>(shared);
    catch_signals();
    refuse_guest_system_calls();
    char byte = 0;
    while (read(kNativeStart, &byte, 1) == 1) {
        map_pages();
        load_ldt();
        set_timer(kTimeLimitMicroseconds);
        enter_guest(&exchange->begin);
        set_timer(0);
        if (write(kNativeDone, &byte, 1) != 1) break;
    }
    return 0;
}
