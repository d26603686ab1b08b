// x87, MMX and SSE as an operating system meets them: #NM by TS, EM and MP, #MF and #XM, #UD without OSFXSR, saving
// and restoring, alignment, and lazy switching between two owners.
#include "paging.h"
#include "trap.h"

static u8 area[1024] __attribute__((aligned(64)));
static double memory_double;

SNIPPET(x87, "nop", "fld1\n fstp %st(0)");
SNIPPET(wait_it, "nop", "fwait");
SNIPPET(wait_then_x87, "fwait", "fld1\n fstp %st(0)");
SNIPPET(init_it, "nop", "fninit");
SNIPPET(status_it, "nop", "fnstsw %ax");
SNIPPET(mmx_it, "nop", "pxor %mm0, %mm0\n emms");
SNIPPET(sse_it, "nop", "xorps %xmm0, %xmm0");
SNIPPET(sse2_it, "nop", "paddd %xmm1, %xmm0");
SNIPPET(fxsave_it, "nop", "fxsave (%ebx)");
SNIPPET(fxrstor_it, "nop", "fxrstor (%ebx)");
SNIPPET(prefetch_it, "nop", "prefetcht0 (%ebx)\n sfence");
SNIPPET(ldmxcsr_it, "nop", "ldmxcsr (%ebx)");
SNIPPET(movaps_it, "nop", "movaps (%ebx), %xmm0");
SNIPPET(movaps_store, "nop", "movaps %xmm0, (%ebx)");
SNIPPET(movups_it, "nop", "movups (%ebx), %xmm0");
SNIPPET(addps_mem, "nop", "addps (%ebx), %xmm0");

static struct trap at(const u8* code, const void* ebx) {
    struct context c = kernel_context(code);
    c.ebx = (u32)ebx;
    return run(&c);
}

static u32 plain_cr0;
static void set_bits(u32 cr0_bits) { set_cr0((plain_cr0 & ~(CR0_TS | CR0_EM | CR0_MP)) | cr0_bits); }

static void not_available(void) {
    static const struct {
        const char* name;
        u32 bits;
        bool x87_traps, wait_traps;
    } cases[] = {
        {"no bit", 0, false, false},        {"MP", CR0_MP, false, false},          {"TS", CR0_TS, true, false},
        {"TS and MP", CR0_TS | CR0_MP, true, true}, {"EM", CR0_EM, true, false}, {"EM and MP", CR0_EM | CR0_MP, true, false},
        {"EM, TS and MP", CR0_EM | CR0_TS | CR0_MP, true, true},
    };
    for (u32 i = 0; i < sizeof cases / sizeof *cases; ++i)
        for (u32 user = 0; user < 2; ++user) {
            set_bits(cases[i].bits);
            struct trap t = user ? run_user(x87) : run_kernel(x87);
            const char* name = named("x87 with %s, %s", cases[i].name, user ? "user" : "kernel");
            if (cases[i].x87_traps) expect(&t, VEC_NM, 0, x87_at, name);
            else expect_done(&t, name);
            t = user ? run_user(wait_it) : run_kernel(wait_it);
            name = named("fwait with %s, %s", cases[i].name, user ? "user" : "kernel");
            if (cases[i].wait_traps) expect(&t, VEC_NM, 0, wait_it_at, name);
            else expect_done(&t, name);
        }
    static const u32 waits[] = {CR0_TS, CR0_EM, CR0_EM | CR0_MP};
    for (u32 i = 0; i < 3; ++i) {
        set_bits(waits[i]);
        const struct trap t = run_kernel(wait_then_x87);
        expect(&t, VEC_NM, 0, wait_then_x87_at, named("x87 behind an fwait that does not trap, CR0 %x", waits[i]));
    }
    set_bits(CR0_TS);
    struct trap t = run_kernel(init_it);
    expect(&t, VEC_NM, 0, init_it_at, "fninit with TS");
    t = run_kernel(status_it);
    expect(&t, VEC_NM, 0, status_it_at, "fnstsw with TS");
    t = run_kernel(mmx_it);
    expect(&t, VEC_NM, 0, mmx_it_at, "MMX with TS");
    t = run_kernel(sse_it);
    expect(&t, VEC_NM, 0, sse_it_at, "SSE with TS");
    t = at(fxsave_it, area);
    expect(&t, VEC_NM, 0, fxsave_it_at, "fxsave with TS");
    t = at(prefetch_it, area);
    expect_done(&t, "prefetch and sfence with TS");
    set_bits(CR0_EM);
    t = run_kernel(mmx_it);
    expect(&t, VEC_UD, 0, mmx_it_at, "MMX with EM is undefined");
    t = run_kernel(sse_it);
    expect(&t, VEC_UD, 0, sse_it_at, "SSE with EM is undefined");
    set_bits(CR0_MP);
    const u32 cr4 = get_cr4();
    set_cr4(cr4 & ~CR4_OSFXSR);
    t = run_kernel(sse_it);
    expect(&t, VEC_UD, 0, sse_it_at, "SSE without OSFXSR is undefined");
    t = at(ldmxcsr_it, area);
    expect(&t, VEC_UD, 0, ldmxcsr_it_at, "ldmxcsr without OSFXSR is undefined");
    t = run_kernel(mmx_it);
    expect_done(&t, "MMX without OSFXSR");
    set_cr4(cr4);
    // The bits change under code that ran before.
    u32 wrong = 0;
    for (u32 i = 0; i < 40; ++i) {
        set_bits(i & 1 ? CR0_TS : 0);
        t = run_user(x87);
        wrong += t.vector != (i & 1 ? VEC_NM : VEC_DONE);
        t = run_user(sse2_it);
        wrong += t.vector != (i & 1 ? VEC_NM : VEC_DONE);
    }
    set_bits(CR0_MP);
    check(!wrong, "TS back and forth under the same code");
}

SNIPPET(divide_by_zero, "fninit\n push $0x37b\n fldcw (%esp)\n pop %eax\n fld1\n fldz\n.globl the_division\nthe_division: fdivrp\n nop\n fnstsw %ax\n mov %eax, %ebx", "fld1");
SNIPPET(divide_then_wait, "fninit\n push $0x37b\n fldcw (%esp)\n pop %eax\n fld1\n fldz\n fdivrp", "fwait");
SNIPPET(divide_no_wait, "fninit\n push $0x37b\n fldcw (%esp)\n pop %eax\n fld1\n fldz\n fdivrp\n fnstsw %ax\n fnclex\n mov %eax, %ebx\n fnstsw %ax\n xchg %eax, %ebx", "fld1");
SNIPPET(stack_underflow, "fninit\n push $0x37e\n fldcw (%esp)\n pop %eax\n fadd %st(1)", "fwait");
SNIPPET(masked, "fninit\n fld1\n fldz\n fdivrp\n fwait\n fnstsw %ax", "fstpl (%ebx)");
SNIPPET(unmask_late, "fninit\n fld1\n fldz\n fdivrp\n push $0x37b\n fldcw (%esp)\n pop %eax", "fwait");

static void x87_errors(void) {
    set_cr0(get_cr0() | CR0_NE);
    struct trap t = run_kernel(divide_by_zero);
    expect(&t, VEC_MF, 0, divide_by_zero_at, "#MF: at the next x87 instruction");
    check((t.at.ebx & 0x8084) == 0x8084, "#MF: status has ES and ZE");
    asm volatile("fnstenv %0" : "=m"(area));
    asm volatile("fnclex");
    t = run_kernel(divide_then_wait);
    expect(&t, VEC_MF, 0, divide_then_wait_at, "#MF: at fwait");
    asm volatile("fnclex");
    t = run_user(divide_then_wait);
    expect(&t, VEC_MF, 0, divide_then_wait_at, "#MF: in user mode");
    asm volatile("fnclex");
    t = run_kernel(divide_no_wait);
    expect_done(&t, "#MF: not after fnclex");
    check((t.at.eax & 0x8084) == 0x8084 && !(t.at.ebx & 0x80ff), "fnclex clears the flags");
    t = run_kernel(stack_underflow);
    expect(&t, VEC_MF, 0, stack_underflow_at, "#MF: stack underflow");
    asm volatile("fnclex");
    t = at(masked, &memory_double);
    expect_done(&t, "masked: no #MF");
    check((t.at.eax & 0x84) == 4 && ((u32*)&memory_double)[1] == 0x7ff00000, "masked: infinity, and ZE in the status");
    t = run_kernel(unmask_late);
    expect(&t, VEC_MF, 0, unmask_late_at, "#MF: a flag unmasked later");
    asm volatile("fninit");
}

SNIPPET(sse_divide, "push $0x1d80\n ldmxcsr (%esp)\n pop %eax\n xorps %xmm1, %xmm1\n push $0x3f800000\n movss (%esp), %xmm0\n pop %eax", "divss %xmm1, %xmm0");

static void sse_errors(void) {
    const u32 cr4 = get_cr4();
    const u32 good_mxcsr = 0x1f80;
    set_cr4(cr4 | CR4_OSXMMEXCPT);
    struct trap t = run_kernel(sse_divide);
    expect(&t, VEC_XM, 0, sse_divide_at, "#XM: at the instruction itself");
    u32 mxcsr, low;
    asm volatile("stmxcsr %0" : "=m"(mxcsr));
    asm volatile("movss %%xmm0, %0" : "=m"(low));
    check((mxcsr & 0x3f) == 4 && low == 0x3f800000, "#XM: MXCSR has ZE, the destination stays");
    t = run_user(sse_divide);
    expect(&t, VEC_XM, 0, sse_divide_at, "#XM: in user mode");
    set_cr4(cr4 & ~CR4_OSXMMEXCPT);
    t = run_kernel(sse_divide);
    expect(&t, VEC_UD, 0, sse_divide_at, "#UD in place of #XM without OSXMMEXCPT");
    set_cr4(cr4);
    asm volatile("ldmxcsr %0" ::"m"(good_mxcsr));
    *(u32*)area = 0xffffffff;
    t = at(ldmxcsr_it, area);
    expect(&t, VEC_GP, 0, ldmxcsr_it_at, "ldmxcsr: reserved bits");
    asm volatile("ldmxcsr %0" ::"m"(good_mxcsr));
    *(u32*)area = 0;
    t = at(movaps_it, area + 8);
    expect(&t, VEC_GP, 0, movaps_it_at, "movaps: misaligned");
    t = at(addps_mem, area + 4);
    expect(&t, VEC_GP, 0, addps_mem_at, "addps: misaligned");
    t = at(movups_it, area + 5);
    expect_done(&t, "movups: misaligned");
    t = at(fxsave_it, area + 8);
    expect(&t, VEC_GP, 0, fxsave_it_at, "fxsave: misaligned");
    t = at(fxrstor_it, area + 8);
    expect(&t, VEC_GP, 0, fxrstor_it_at, "fxrstor: misaligned");
}

static void saving(void) {
    static const u64 pattern[2] __attribute__((aligned(16))) = {0x0123456789abcdef, 0xfedcba9876543210};
    asm volatile("fninit\n fldpi\n fldl2e\n movaps %0, %%xmm3\n fxsave %1\n fninit\n xorps %%xmm3, %%xmm3\n fxrstor %1" : : "m"(pattern), "m"(area) : "memory");
    u64 got[2] __attribute__((aligned(16)));
    u8 top[10];
    u32 depth;
    asm volatile("movups %%xmm3, %0" : "=m"(got));
    check(!memcmp(got, pattern, 16), "fxsave, fxrstor: an XMM register");
    asm volatile("fnstsw %%ax" : "=a"(depth));
    check_equal(depth >> 11 & 7, 6, "fxsave, fxrstor: the stack's top");
    asm volatile("fstpt %0" : "=m"(top));
    static const u8 log2_e[] = {0xbc, 0xf0, 0x17, 0x5c, 0x29, 0x3b, 0xaa, 0xb8, 0xff, 0x3f};
    check(!memcmp(top, log2_e, 10), "fxsave, fxrstor: all 80 bits");
    check(*(u16*)area == 0x37f && (*(u16*)(area + 2) >> 11 & 7) == 6 && area[4] == 0xc0, "fxsave: control, status and tag words");
    check((*(u32*)(area + 24) & 0xffff) == 0x1f80, "fxsave: MXCSR");
    asm volatile("fninit\n fldpi\n fnsave %0" : "=m"(area) : : "memory");
    asm volatile("fnstsw %%ax" : "=a"(depth));
    check(!(depth & 0x3800) && (*(u16*)(area + 4) >> 11 & 7) == 7 && *(u16*)(area + 8) == 0x3fff, "fnsave: status and tags, and it initializes");
    asm volatile("frstor %1\n fstpt %0" : "=m"(top) : "m"(area));
    static const u8 pi[] = {0x35, 0xc2, 0x68, 0x21, 0xa2, 0xda, 0x0f, 0xc9, 0x00, 0x40};
    check(!memcmp(top, pi, 10), "frstor");
    // MMX shares the registers: it marks all valid and sets the top to 0; emms frees them.
    asm volatile("fninit\n fld1\n pxor %%mm0, %%mm0\n fnstenv %0\n emms" : "=m"(area) : : "memory");
    check((*(u16*)(area + 4) & 0x3800) == 0 && *(u16*)(area + 8) != 0xffff, "MMX: the top is 0 and the tags are not empty");
    asm volatile("fnstenv %0" : "=m"(area) : : "memory");
    check_equal(*(u16*)(area + 8), 0xffff, "emms: all tags empty");
    // Double rounding: 53 bits asked for.
    u8 rounded[10];
    const u32 control = 0x27f;
    asm volatile("fninit\n fldcw %1\n fld1\n push $3\n fidivl (%%esp)\n pop %%eax\n fstpt %0\n fninit" : "=m"(rounded) : "m"(control) : "eax", "memory");
    static const u8 third[] = {0x00, 0xa8, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xfd, 0x3f};
    check(!memcmp(rounded, third, 10), "precision control: 53 bits");
}

// What Linux does with #NM: the state moves when somebody else touches it.
static u8 states[2][512] __attribute__((aligned(64)));
static u32 owner, current, switches;
static void on_no_math(struct frame* f) {
    (void)f;
    asm volatile("clts");
    asm volatile("fxsave %0" : "=m"(states[owner]) : : "memory");
    asm volatile("fxrstor %0" ::"m"(states[current]) : "memory");
    owner = current;
    ++switches;
}
SNIPPET(add_one, "nop", "fld1\n faddp\n movss (%ebx), %xmm1\n addss %xmm1, %xmm0");

static void lazy_switching(void) {
    static const float one = 1;
    asm volatile("fninit\n fldz\n xorps %%xmm0, %%xmm0\n fxsave %0\n fxsave %1" : "=m"(states[0]), "=m"(states[1]) : : "memory");
    owner = 0;
    set_handler(VEC_NM, on_no_math);
    for (u32 i = 0; i < 300; ++i) {
        current = i % 3 == 0;
        set_bits(CR0_MP | CR0_TS);
        struct context c = user_context(add_one);
        c.ebx = (u32)&one;
        run(&c);
    }
    current = 2;
    set_bits(CR0_MP);
    asm volatile("fxsave %0" : "=m"(states[owner]) : : "memory");
    set_handler(VEC_NM, 0);
    u32 results[4];
    for (u32 k = 0; k < 2; ++k) {
        asm volatile("fxrstor %2\n fistpl %0\n cvttss2si %%xmm0, %%eax\n mov %%eax, %1" : "=m"(results[2 * k]), "=m"(results[2 * k + 1]) : "m"(states[k]) : "eax", "memory");
    }
    check(switches == 300 && results[0] == 200 && results[1] == 200 && results[2] == 100 && results[3] == 100, "lazy switching between two owners, 300 times");
}

// The fault comes before the page walk, which would set A and D.
static void misaligned_leaves_no_mark(void) {
    u32* const directory = new_directory();
    u8* const page = (u8*)0x40000000;
    u32* const entries = pte(directory, (u32)page);
    for (u32 n = 0; n < 2; ++n) entries[n] = (u32)new_page() | PTE_USER;
    paging_on(directory);
    for (u32 user = 0; user < 2; ++user)
        for (u32 straddles = 0; straddles < 2; ++straddles) {
            struct context c = user ? user_context(movaps_store) : kernel_context(movaps_store);
            c.ebx = (u32)page + (straddles ? PAGE - 8 : 8);
            const struct trap t = run(&c);
            check(t.vector == VEC_GP && !((entries[0] | entries[1]) & (PTE_A | PTE_D)), "movaps: misaligned, %s%s, sets neither A nor D", user ? "user" : "kernel",
                  straddles ? ", in two pages" : "");
        }
    paging_off();
}

int main(void) {
    const u32 features = cpuid(1).edx;
    plain_cr0 = get_cr0() | CR0_NE;
    set_cr4(get_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
    set_bits(CR0_MP);
    asm volatile("fninit");
    check(features & 1u << 24 && features & 1u << 25 && features & 1u << 23, "cpuid: FXSR, SSE, MMX");
    not_available();
    x87_errors();
    sse_errors();
    saving();
    lazy_switching();
    misaligned_leaves_no_mark();
    return 0;
}
