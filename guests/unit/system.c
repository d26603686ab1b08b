// SYSENTER and SYSEXIT, the time-stamp counter, CPUID, MSRs, CMPXCHG8B, the I/O permission bitmap, #AC, and writes to
// control registers that must not succeed.
#include "paging.h"
#include "trap.h"

#define FLAT (ATTR_32 | ATTR_PAGES)
#define MSR_SYSENTER_CS 0x174
#define MSR_SYSENTER_ESP 0x175
#define MSR_SYSENTER_EIP 0x176

extern const u8 fast_entry[], fast_entry_int[], fast_round[];
asm(".text\nfast_entry: mov %esp, %eax\n mov %cs, %ebx\n mov %ss, %ecx\n pushfl\n pop %edx\nfast_entry_int: int $0x51\n"
    "fast_round: mov $fast_back, %edx\n mov %ebp, %ecx\n sysexit\n"
    "fast_back: int $0x50\n");
SNIPPET(enter_fast, "mov %esp, %ebp", "sysenter");
SNIPPET(exit_fast, "nop", "sysexit");

static void fast_system_calls(void) {
    static u8 stack[512];
    const u32 top = (u32)stack + sizeof stack;
    wrmsr(MSR_SYSENTER_CS, 0);
    struct trap t = run_user(enter_fast);
    expect(&t, VEC_GP, 0, enter_fast_at, "sysenter: with a null CS");
    t = run_kernel(exit_fast);
    expect(&t, VEC_GP, 0, exit_fast_at, "sysexit: with a null CS");
    wrmsr(MSR_SYSENTER_CS, SEL_KCODE | 3);
    wrmsr(MSR_SYSENTER_ESP, top);
    wrmsr(MSR_SYSENTER_EIP, (u32)fast_entry);
    check(rdmsr(MSR_SYSENTER_CS) == (SEL_KCODE | 3) && rdmsr(MSR_SYSENTER_ESP) == top && rdmsr(MSR_SYSENTER_EIP) == (u32)fast_entry, "sysenter: MSRs read back");
    struct context c = user_context(enter_fast);
    c.eflags |= FLAG_IF | FLAG_CF | FLAG_AC;
    t = run(&c);
    expect(&t, 0x51, 0, fast_entry_int + 2, "sysenter: to the entry point");
    check_equal(t.at.eax, top, "sysenter: esp");
    check((t.at.ebx & 0xffff) == SEL_KCODE && (t.at.ecx & 0xffff) == SEL_KDATA, "sysenter: cs and ss");
    check(!(t.at.edx & FLAG_IF) && (t.at.edx & FLAG_CF) && (t.at.edx & FLAG_AC), "sysenter: clears IF alone");
    check(t.at.ds == SEL_UDATA, "sysenter: leaves ds");
    // The descriptors do not matter: their contents are fixed.
    set_segment(SEL_TEST, 0x1000, 0, ATTR_DATA_RO);
    set_segment(SEL_TEST + 8, 0x1000, 0, ATTR_DATA_RO);
    wrmsr(MSR_SYSENTER_CS, SEL_TEST);
    wrmsr(MSR_SYSENTER_EIP, (u32)fast_round);
    t = run_user(enter_fast);
    check(t.vector == VEC_DONE && t.at.cs == (SEL_TEST + 16 + 3) && t.at.ss == (SEL_TEST + 24 + 3), "sysenter and sysexit take no notice of the descriptors");
    wrmsr(MSR_SYSENTER_CS, SEL_KCODE);
    c.eflags = FLAG_ONE;
    t = run(&c);
    expect_done(&t, "sysenter and sysexit: there and back");
    check(t.at.cs == SEL_UCODE && t.at.ss == SEL_UDATA && t.at.esp == (u32)user_snippet_stack + SNIPPET_STACK_BYTES, "sysexit: cs, ss, esp");
    t = run_user(exit_fast);
    expect(&t, VEC_GP, 0, exit_fast_at, "sysexit: in ring 3");
    u32 wrong = 0;
    for (u32 i = 0; i < 200; ++i) wrong += run_user(enter_fast).vector != VEC_DONE;
    check(!wrong, "sysenter and sysexit, 200 times");
}

SNIPPET(read_tsc, "nop", "rdtsc");

static void time_stamps(void) {
    u64 last = rdtsc();
    u32 wrong = 0;
    for (u32 i = 0; i < 1000; ++i) {
        const u64 now = rdtsc();
        wrong += now < last;
        last = now;
    }
    check(!wrong, "rdtsc does not go back");
    struct trap t = run_user(read_tsc);
    expect_done(&t, "rdtsc in ring 3");
    set_cr4(get_cr4() | CR4_TSD);
    t = run_user(read_tsc);
    expect(&t, VEC_GP, 0, read_tsc_at, "rdtsc in ring 3 with CR4.TSD");
    t = run_kernel(read_tsc);
    expect_done(&t, "rdtsc in ring 0 with CR4.TSD");
    set_cr4(get_cr4() & ~CR4_TSD);
    t = run_user(read_tsc);
    expect_done(&t, "rdtsc in ring 3 again");
    wrmsr(0x10, 0);
    check(rdtsc() < 1ull << 36, "the time-stamp counter can be set");
}

static void identification(void) {
    const struct cpuid zero = cpuid(0), one = cpuid(1);
    check(zero.eax >= 1, "cpuid: has leaf 1");
    check((one.eax >> 8 & 0xf) >= 5 && (one.eax >> 8 & 0xf) <= 15, "cpuid: family 5 or later");
    check(one.edx & 1, "cpuid: x87");
    check(one.edx & 1u << 8 && one.edx & 1u << 4 && one.edx & 1u << 5, "cpuid: cmpxchg8b, TSC, MSR");
    check(one.edx & 1u << 3 && one.edx & 1u << 13 && one.edx & 1u << 6, "cpuid: PSE, PGE, PAE");
    check(one.edx & 1u << 15, "cpuid: cmov");
    const u32 flags = get_eflags();
    check(!(flags & FLAG_ID), "EFLAGS.ID is clear to begin with");
    SNIPPET(user_cpuid, "xor %eax, %eax", "cpuid");
    const struct trap t = run_user(user_cpuid);
    check(t.vector == VEC_DONE && t.at.ebx == zero.ebx, "cpuid in ring 3");
    // Beyond the highest leaf: whatever it says, it must not fault.
    cpuid(0x40000000);
    cpuid(0x80000000);
    cpuid(0xffffffff);
    check(true, "cpuid: odd leaves do not fault");
}

SNIPPET(bad_rdmsr, "mov $0x12345678, %ecx", "rdmsr");
SNIPPET(bad_wrmsr, "mov $0x12345678, %ecx", "wrmsr");

static void model_specific(void) {
    struct trap t = run_kernel(bad_rdmsr);
    expect(&t, VEC_GP, 0, bad_rdmsr_at, "rdmsr: unknown");
    t = run_kernel(bad_wrmsr);
    expect(&t, VEC_GP, 0, bad_wrmsr_at, "wrmsr: unknown");
}

static void compare_and_exchange(void) {
    u64 memory = 0x1122334455667788ull;
    u64 expected = memory;
    bool zero;
    asm volatile("cmpxchg8b %1\n setz %0" : "=q"(zero), "+m"(memory), "+A"(expected) : "b"(0xaaaaaaaa), "c"(0xbbbbbbbb));
    check(zero && memory == 0xbbbbbbbbaaaaaaaaull, "cmpxchg8b: equal");
    expected = 5;
    asm volatile("lock cmpxchg8b %1\n setz %0" : "=q"(zero), "+m"(memory), "+A"(expected) : "b"(1), "c"(2));
    check(!zero && memory == 0xbbbbbbbbaaaaaaaaull && expected == memory, "cmpxchg8b: not equal");
    u32 word = 7, old = 7;
    asm volatile("cmpxchg %3, %1\n setz %0" : "=q"(zero), "+m"(word), "+a"(old) : "r"(9));
    check(zero && word == 9, "cmpxchg: equal");
    asm volatile("cmpxchg %3, %1\n setz %0" : "=q"(zero), "+m"(word), "+a"(old) : "r"(11));
    check(!zero && word == 9 && old == 9, "cmpxchg: not equal");
}

// A TSS with a bitmap in which port 0x80 is free, and 0x87 and 0x88, which are in different bytes.
static u8 big_tss[104 + 8192 + 1] __attribute__((aligned(128)));
SNIPPET(out_80, "nop", "out %al, $0x80");
SNIPPET(out_81, "nop", "out %al, $0x81");
SNIPPET(out_87_w, "nop", "out %ax, $0x87");
SNIPPET(out_88_w, "nop", "out %ax, $0x88");
SNIPPET(out_80_l, "nop", "out %eax, $0x80");
SNIPPET(out_dx, "nop", "out %al, %dx");
SNIPPET(out_dx_w, "nop", "out %ax, %dx");

static struct trap user_out(const u8* code, u32 iopl, u32 dx) {
    struct context c = user_context(code);
    c.eflags |= FLAG_IOPL(iopl);
    c.edx = dx;
    return run(&c);
}

static void use_tss(u32 limit, u32 io_map) {
    memcpy(big_tss, &main_tss, 104);
    *(u16*)(big_tss + 102) = (u16)io_map;
    set_segment(SEL_TSS, (u32)big_tss, limit, ATTR_TSS32);
    load_tr(SEL_TSS);
}

static void io_bitmap(void) {
    memset(big_tss + 104, 0xff, sizeof big_tss - 104);
    big_tss[104 + 0x80 / 8] = 0x7e;
    big_tss[104 + 0x88 / 8] = 0xfc;
    use_tss(sizeof big_tss - 1, 104);
    struct trap t = user_out(out_80, 0, 0);
    expect_done(&t, "I/O bitmap: a port that is free");
    t = user_out(out_81, 0, 0);
    expect(&t, VEC_GP, 0, out_81_at, "I/O bitmap: a port that is not");
    t = user_out(out_81, 3, 0);
    expect_done(&t, "I/O bitmap: not asked with IOPL 3");
    t = run_kernel(out_81);
    expect_done(&t, "I/O bitmap: not asked in ring 0");
    t = user_out(out_88_w, 0, 0);
    expect_done(&t, "I/O bitmap: a word needs two bits");
    t = user_out(out_87_w, 0, 0);
    expect_done(&t, "I/O bitmap: a word across two bytes of it");
    t = user_out(out_80_l, 0, 0);
    expect(&t, VEC_GP, 0, out_80_l_at, "I/O bitmap: a doubleword needs four bits");
    big_tss[104 + 8191] = 0;
    t = user_out(out_dx, 0, 0xffff);
    expect_done(&t, "I/O bitmap: the last port");
    t = user_out(out_dx_w, 0, 0xffff);
    expect(&t, VEC_GP, 0, out_dx_w_at, "I/O bitmap: a word at the last port reads the byte behind");
    // The bitmap ends with the segment; two bytes are always read.
    use_tss(104 + 0x88 / 8, 104);
    t = user_out(out_80, 0, 0);
    expect_done(&t, "I/O bitmap: its last two bytes inside the limit");
    use_tss(104 + 0x80 / 8, 104);
    t = user_out(out_80, 0, 0);
    expect(&t, VEC_GP, 0, out_80_at, "I/O bitmap: the second byte past the limit");
    use_tss(sizeof big_tss - 1, 0xdfff);
    t = user_out(out_80, 0, 0);
    expect(&t, VEC_GP, 0, out_80_at, "I/O bitmap: its base past the limit");
    reload_task();
}

static u32 words[4] __attribute__((aligned(16)));
SNIPPET(load_4, "nop", "mov (%ebx), %eax");
SNIPPET(load_2, "nop", "mov (%ebx), %ax");
SNIPPET(store_4, "nop", "mov %eax, (%ebx)");
SNIPPET(add_4, "nop", "add %eax, (%ebx)");
SNIPPET(push_4, "mov %ebx, %esp", "push %eax");
SNIPPET(movs_4, "mov %ebx, %esi\n mov %ebx, %edi", "movsl");

static struct trap misaligned(const u8* code, u32 offset, bool user, bool ac) {
    struct context c = user ? user_context(code) : kernel_context(code);
    c.ebx = (u32)words + offset;
    if (ac) c.eflags |= FLAG_AC;
    return run(&c);
}

static void alignment(void) {
    set_cr0(get_cr0() | CR0_AM);
    struct trap t = misaligned(load_4, 1, true, true);
    expect(&t, VEC_AC, 0, load_4_at, "#AC: a load");
    t = misaligned(load_2, 1, true, true);
    expect(&t, VEC_AC, 0, load_2_at, "#AC: a word");
    t = misaligned(load_2, 2, true, true);
    expect_done(&t, "#AC: an aligned word");
    t = misaligned(load_4, 4, true, true);
    expect_done(&t, "#AC: an aligned doubleword");
    t = misaligned(store_4, 2, true, true);
    expect(&t, VEC_AC, 0, store_4_at, "#AC: a store");
    t = misaligned(add_4, 3, true, true);
    expect(&t, VEC_AC, 0, add_4_at, "#AC: a read-modify-write");
    t = misaligned(push_4, 9, true, true);
    expect(&t, VEC_AC, 0, push_4_at, "#AC: a push");
    t = misaligned(movs_4, 1, true, true);
    expect(&t, VEC_AC, 0, movs_4_at, "#AC: movs");
    t = misaligned(load_4, 1, true, false);
    expect_done(&t, "#AC: not without EFLAGS.AC");
    t = misaligned(load_4, 1, false, true);
    expect_done(&t, "#AC: not in ring 0");
    set_cr0(get_cr0() & ~CR0_AM);
    t = misaligned(load_4, 1, true, true);
    expect_done(&t, "#AC: not without CR0.AM");
}

SNIPPET(pg_without_pe, "nop", "mov %eax, %cr0\n mov %ebx, %cr0");
SNIPPET(write_cr0, "nop", "mov %eax, %cr0");
SNIPPET(write_cr4, "nop", "mov %eax, %cr4");
SNIPPET(load_msw, "nop", "lmsw %ax");
SNIPPET(store_msw, "nop", "smsw %eax\n smsw %cx");

static struct trap with_eax(const u8* code, u32 eax) {
    struct context c = kernel_context(code);
    c.eax = eax;
    return run(&c);
}

#define TCG 0x54474354  // the first letters of what QEMU calls itself

static void control_registers(void) {
    const u32 cr0 = get_cr0();
    struct trap t = with_eax(write_cr0, (cr0 & ~(1u << 30)) | 1u << 29);
    expect(&t, VEC_GP, 0, write_cr0_at, "mov cr0: NW without CD");
    check(get_cr0() == cr0, "mov cr0: a refused write changes nothing");
    set_cr0(cr0);
    if (cpuid(0x40000000).ebx != TCG) {  // QEMU 7.2 executes this instruction again and again, without end
        t = with_eax(write_cr4, get_cr4() | 1u << 15);
        expect(&t, VEC_GP, 0, write_cr4_at, "mov cr4: a reserved bit");
    }
    check((cr0 & 0x10) != 0, "cr0: ET reads as one");
    t = with_eax(load_msw, 0xe);
    expect_done(&t, "lmsw");
    check((get_cr0() & 0xf) == 0xf, "lmsw: sets MP, EM, TS and leaves PE");
    t = with_eax(store_msw, 0);
    check((t.at.eax & 0xffff) == (get_cr0() & 0xffff) && (t.at.ecx & 0xffff) == (get_cr0() & 0xffff), "smsw");
    t = with_eax(load_msw, 0);
    check((get_cr0() & 0xf) == 1, "lmsw: cannot clear PE");
    set_cr0(cr0);
    set_cr0(cr0 | CR0_TS);
    asm volatile("clts");
    check(!(get_cr0() & CR0_TS), "clts");
    set_cr0(cr0);
    // A machine that lets this pass has paging now; it must get as far as the next instruction.
    set_cr3((u32)new_directory());
    struct context c = kernel_context(pg_without_pe);
    c.eax = (cr0 | CR0_PG) & ~CR0_PE;
    c.ebx = cr0;
    t = run(&c);
    expect(&t, VEC_GP, 0, pg_without_pe_at, "mov cr0: PG without PE");
    set_cr3(0);
}

int main(void) {
    fast_system_calls();
    time_stamps();
    identification();
    model_specific();
    compare_and_exchange();
    io_bitmap();
    alignment();
    control_registers();
    return 0;
}
