// Changes of privilege that have been made many times before, as translated code makes them by itself: each of the
// things that they rest on changes right before the next one, which has to notice.
#include "paging.h"
#include "trap.h"

#define FLAT (ATTR_32 | ATTR_PAGES)
#define CODE (SEL_TEST + 8)
#define STACK (SEL_TEST + 16)
#define NEW_TSS (SEL_TEST + 24)
#define MSR_SYSENTER_CS 0x174
#define MSR_SYSENTER_ESP 0x175
#define MSR_SYSENTER_EIP 0x176

// Vector 0x60 counts and tells what it found; 0x61 is the trap stub, by which `change` is made.
u32 first_count, second_count, seen_esp, seen_ss, seen_flags;
extern const u8 first_handler[], second_handler[];
asm(".text\nfirst_handler: incl %ss:first_count\n mov %esp, %ss:seen_esp\n mov %ss, %ss:seen_ss\n iretl\n"
    "second_handler: pushfl\n popl %ss:seen_flags\n incl %ss:second_count\n iretl\n");

SNIPPET(warm, ".rept 12\n int $0x60\n .endr\n int $0x61", "int $0x60");
SNIPPET(warm_iret_only, ".rept 12\n int $0x60\n .endr", "nop");

static void plain_gates(void) {
    first_count = second_count = 0;
    set_segment(CODE, 0, 0xfffff, ATTR_CODE | FLAT);
    set_segment(STACK, 0, 0xfffff, ATTR_DATA | FLAT);
    set_idt_gate(0x60, CODE, first_handler, ATTR_INT32 | ATTR_DPL(3));
    idt[0x61] = make_gate(SEL_KCODE, (u32)trap_stub(0x61), ATTR_INT32 | ATTR_DPL(3), 0);
}

static void nothing_changes(struct frame* f) { (void)f; }

static struct trap with_change(handler* change) {
    set_handler(0x61, change);
    return run_user(warm);
}

static void unchanged(void) {
    plain_gates();
    set_handler(0x61, nothing_changes);
    for (u32 user = 0; user < 2; ++user) {
        struct context c = user ? user_context(warm) : kernel_context(warm);
        c.eax = 1, c.ecx = 2, c.edx = 3, c.ebx = 4, c.ebp = 5, c.esi = 6, c.edi = 7;
        c.eflags = FLAG_ONE | FLAG_CF | FLAG_ZF | FLAG_OF | FLAG_DF | FLAG_IF | FLAG_ID;
        for (u32 round = 0; round < 20; ++round) {
            first_count = 0;
            const struct trap t = run(&c);
            const bool same = t.at.eax == 1 && t.at.ecx == 2 && t.at.edx == 3 && t.at.ebx == 4 && t.at.ebp == 5 &&
                              t.at.esi == 6 && t.at.edi == 7 && t.at.esp == c.esp && t.at.ds == c.ds && t.at.fs == c.fs;
            if (t.vector == VEC_DONE && same && t.at.eflags == c.eflags && first_count == 13 && (!user || seen_esp == main_tss.esp0 - 20)) continue;
            return check(false, "int and iret, ring %u, round %u", user ? 3u : 0u, round);
        }
        check(true, "int and iret, ring %u, 260 times", user ? 3u : 0u);
    }
}

// --- the gate -----------------------------------------------------------------------------------------------

static void other_entry(struct frame* f) { (void)f; set_idt_gate(0x60, CODE, second_handler, ATTR_INT32 | ATTR_DPL(3)); }
static void trap_gate(struct frame* f) { (void)f; set_idt_gate(0x60, CODE, second_handler, ATTR_TRAP32 | ATTR_DPL(3)); }
static void inner_gate(struct frame* f) { (void)f; set_idt_gate(0x60, CODE, first_handler, ATTR_INT32 | ATTR_DPL(2)); }
static void absent_gate(struct frame* f) { (void)f; idt[0x60] &= ~((u64)ATTR_PRESENT << 40); }
static void small_gate(struct frame* f) { (void)f; idt[0x60] = make_gate(CODE, (u32)first_handler, ATTR_CALL32 | ATTR_DPL(3), 0); }
static u64 second_idt[256] __attribute__((aligned(8)));
static void other_idt(struct frame* f) {
    (void)f;
    memcpy(second_idt, idt, sizeof idt);
    second_idt[0x60] = make_gate(CODE, (u32)second_handler, ATTR_INT32 | ATTR_DPL(3), 0);
    load_idt(second_idt, sizeof second_idt - 1);
}
static void short_idt(struct frame* f) { (void)f; load_idt(idt, 0x60 * 8 + 6); }

static void changed_gates(void) {
    plain_gates();
    struct trap t = with_change(other_entry);
    check(t.vector == VEC_DONE && first_count == 12 && second_count == 1, "gate changed: another entry");
    plain_gates();
    set_handler(0x61, trap_gate);
    struct context c = user_context(warm);
    c.eflags |= FLAG_IF;
    t = run(&c);
    check(t.vector == VEC_DONE && second_count == 1 && (seen_flags & FLAG_IF), "gate changed: a trap gate leaves IF");
    check(t.at.eflags & FLAG_IF, "gate changed: iret brings IF back");
    plain_gates();
    t = with_change(inner_gate);
    expect(&t, VEC_GP, 0x60 * 8 + 2, warm_at, "gate changed: DPL 2");
    t = run_kernel(warm);
    expect_done(&t, "gate changed: DPL 2 is enough for ring 0");
    plain_gates();
    t = with_change(absent_gate);
    expect(&t, VEC_NP, 0x60 * 8 + 2, warm_at, "gate changed: absent");
    plain_gates();
    t = with_change(small_gate);
    expect(&t, VEC_GP, 0x60 * 8 + 2, warm_at, "gate changed: a call gate");
    plain_gates();
    t = with_change(other_idt);
    check(t.vector == VEC_DONE && second_count == 1, "IDTR changed: another table");
    load_idt(idt, sizeof idt - 1);
    plain_gates();
    t = with_change(short_idt);
    expect(&t, VEC_GP, 0x60 * 8 + 2, warm_at, "IDTR changed: a short table");
    load_idt(idt, sizeof idt - 1);
}

// --- the handler's code segment -----------------------------------------------------------------------------

static void absent_code(struct frame* f) { (void)f; set_segment(CODE, 0, 0xfffff, (ATTR_CODE & ~ATTR_PRESENT) | FLAT); }
static void data_for_code(struct frame* f) { (void)f; set_segment(CODE, 0, 0xfffff, ATTR_DATA | FLAT); }
static void short_code(struct frame* f) { (void)f; set_segment(CODE, 0, 0, ATTR_CODE | ATTR_32); }
static void conforming_code(struct frame* f) { (void)f; set_segment(CODE, 0, 0xfffff, ATTR_CONFORMING | FLAT); }
static void moved_code(struct frame* f) { (void)f; set_segment(CODE, (u32)second_handler - (u32)first_handler, 0xfffff, ATTR_CODE | FLAT); }
static u64 second_gdt[64] __attribute__((aligned(8)));
static void other_gdt(struct frame* f) {
    (void)f;
    memcpy(second_gdt, gdt, sizeof gdt);
    second_gdt[CODE / 8] = make_segment(0, 0xfffff, ATTR_CODE | ATTR_DPL(3) | FLAT) & ~((u64)ATTR_PRESENT << 40);
    load_gdt(second_gdt, sizeof second_gdt - 1);
}
static void short_gdt(struct frame* f) { (void)f; load_gdt(gdt, CODE + 6); }

static void changed_code(void) {
    plain_gates();
    struct trap t = with_change(absent_code);
    expect(&t, VEC_NP, CODE, warm_at, "handler's CS changed: absent");
    plain_gates();
    t = with_change(data_for_code);
    expect(&t, VEC_GP, CODE, warm_at, "handler's CS changed: data");
    plain_gates();
    t = with_change(short_code);
    expect(&t, VEC_GP, 0, warm_at, "handler's CS changed: the entry is beyond its limit");
    plain_gates();
    t = with_change(moved_code);
    check(t.vector == VEC_DONE && second_count == 1, "handler's CS changed: another base");
    plain_gates();
    t = with_change(conforming_code);
    check(t.vector == VEC_DONE && seen_esp == (u32)user_snippet_stack + SNIPPET_STACK_BYTES - 12, "handler's CS changed: conforming, on the user's stack");
    plain_gates();
    t = with_change(other_gdt);
    expect(&t, VEC_NP, CODE, warm_at, "GDTR changed: another table");
    load_gdt(gdt, sizeof gdt - 1);
    plain_gates();
    t = with_change(short_gdt);
    expect(&t, VEC_GP, CODE, warm_at, "GDTR changed: a short table");
    load_gdt(gdt, sizeof gdt - 1);
}

// --- the stack in the TSS -----------------------------------------------------------------------------------

static u8 second_stack[1024] __attribute__((aligned(16)));
static struct tss second_tss __attribute__((aligned(128)));
static void other_esp0(struct frame* f) { (void)f; main_tss.esp0 = (u32)second_stack + sizeof second_stack; }
static void other_ss0(struct frame* f) { (void)f; main_tss.ss0 = STACK; }
static void null_ss0(struct frame* f) { (void)f; main_tss.ss0 = 0; }
static void user_ss0(struct frame* f) { (void)f; main_tss.ss0 = SEL_UDATA; }
static void absent_ss0(struct frame* f) { (void)f; main_tss.ss0 = STACK; set_segment(STACK, 0, 0xfffff, (ATTR_DATA & ~ATTR_PRESENT) | FLAT); }
static void other_tss(struct frame* f) {
    (void)f;
    second_tss = main_tss;
    second_tss.esp0 = (u32)second_stack + 512;
    set_segment(NEW_TSS, (u32)&second_tss, sizeof second_tss - 1, ATTR_TSS32);
    load_tr(NEW_TSS);
}

// With no stack to deliver this fault on, it goes to a task.
static void expect_by_task(handler* change, u8 vector, u32 error, const char* name) {
    plain_gates();
    idt[vector] = idt[VEC_DF];
    const struct tss kept = main_tss;
    const struct trap t = with_change(change);
    expect(&t, VEC_DF, error, warm_at, name);
    reset_idt_gate(vector);
    main_tss = kept;
    reload_task();
}

static void changed_stacks(void) {
    const struct tss kept = main_tss;
    plain_gates();
    struct trap t = with_change(other_esp0);
    check(t.vector == VEC_DONE && seen_esp == (u32)second_stack + sizeof second_stack - 20, "TSS changed: esp0");
    main_tss = kept;
    plain_gates();
    t = with_change(other_ss0);
    check(t.vector == VEC_DONE && (seen_ss & 0xffff) == STACK, "TSS changed: ss0");
    main_tss = kept;
    plain_gates();
    t = with_change(other_tss);
    check(t.vector == VEC_DONE && seen_esp == (u32)second_stack + 512 - 20, "TR changed: another TSS");
    reload_task();
    main_tss = kept;
    expect_by_task(null_ss0, VEC_TS, 0, "TSS changed: null ss0");
    expect_by_task(user_ss0, VEC_TS, SEL_UDATA & ~3, "TSS changed: ss0 of ring 3");
    expect_by_task(absent_ss0, VEC_SS, STACK, "TSS changed: ss0 absent");
}

// The frame's page or pages: absent, read-only, or two of them.
static u32* directory;
static u32 stack_pages;

static void stack_faults(void) {
    static const struct {
        const char* name;
        u32 esp0, page, bit, faults;
    } cases[] = {
        {"gone", PAGE, 0, PTE_P, 1},        {"read-only", PAGE, 0, PTE_W, 1},       {"the other one gone", PAGE, PAGE, PTE_P, 0},
        {"two, the upper gone", PAGE + 8, PAGE, PTE_P, 1}, {"two, the lower gone", PAGE + 8, 0, PTE_P, 1},
        {"two, both there", PAGE + 8, PAGE, PTE_PWT, 0},
    };
    const struct tss kept = main_tss;
    directory = new_directory();
    stack_pages = (u32)new_page();
    new_page();
    paging_on(directory);
    set_cr0(get_cr0() | CR0_WP);
    for (u32 i = 0; i < sizeof cases / sizeof *cases; ++i) {
        plain_gates();
        *pte(directory, stack_pages) |= PTE_KERNEL;
        *pte(directory, stack_pages + PAGE) |= PTE_KERNEL;
        set_cr3(get_cr3());
        main_tss.esp0 = stack_pages + cases[i].esp0;
        // The fault itself is delivered to a task: the stack is the one that is missing.
        idt[VEC_PF] = idt[VEC_DF];
        first_count = 0;
        struct trap t = run_user(warm_iret_only);
        check(t.vector == VEC_DONE && first_count == 12, "stack, %s: 12 times before", cases[i].name);
        *pte(directory, stack_pages + cases[i].page) &= ~cases[i].bit;
        invlpg(stack_pages + cases[i].page);
        first_count = 0;
        t = run_user(warm_iret_only);
        if (cases[i].faults)
            check(t.vector == VEC_DF && t.at.eip == (u32)warm_iret_only, "stack, %s: faults", cases[i].name);
        else
            check(t.vector == VEC_DONE && first_count == 12, "stack, %s: does not matter", cases[i].name);
        main_tss = kept;
        reset_idt_gate(VEC_PF);
        reload_task();
    }
    set_cr0(get_cr0() & ~CR0_WP);
    paging_off();
}

// --- IRET ---------------------------------------------------------------------------------------------------

// IRET to these flags from ring 0, after as many plain ones.
SNIPPET(iret_it, "nop", "iretl");
extern const u8 landing[];
asm(".pushsection .text.snippets, \"ax\"\nlanding: int $0x50\n.popsection");

static struct trap return_to(u32 cs, u32 flags, u32 ss, u16 ds) {
    struct context c = kernel_context(iret_it);
    c.ds = c.es = c.fs = c.gs = ds;
    c.esp -= 20;
    u32* words = (u32*)c.esp;
    words[0] = (u32)landing;
    words[1] = cs;
    words[2] = flags;
    words[3] = (u32)user_snippet_stack + 0x800;
    words[4] = ss;
    return run(&c);
}

static void warm_returns(u32 cs) {
    for (u32 i = 0; i < 4; ++i) return_to(cs, FLAG_ONE, SEL_UDATA, SEL_UDATA);
}

static void odd_returns(void) {
    static const u32 bits[] = {FLAG_CF | FLAG_OF, FLAG_IF, FLAG_DF, FLAG_IOPL(1), FLAG_IOPL(3), FLAG_NT, FLAG_RF, FLAG_AC, FLAG_ID, 0x8000, 0x28, 0xffc00000};
    for (u32 user = 0; user < 2; ++user) {
        const u32 cs = user ? SEL_UCODE : SEL_KCODE, ring = user ? 3 : 0;
        for (u32 i = 0; i < sizeof bits / sizeof *bits; ++i) {
            warm_returns(cs);
            const struct trap t = return_to(cs, FLAG_ONE | bits[i], SEL_UDATA, SEL_UDATA);
            const u32 want = FLAG_ONE | (bits[i] & ~(FLAG_RF | 0xffc08028));
            check(t.vector == VEC_DONE && (t.at.eflags & ~FLAG_RF) == want && t.at.cs == cs, "iret to ring %u: flags %x", ring, bits[i]);
        }
        warm_returns(cs);
        struct trap t = return_to(cs, FLAG_ONE | FLAG_TF, SEL_UDATA, SEL_UDATA);
        check(t.vector == VEC_DONE && (t.at.eflags & FLAG_TF), "iret to ring %u: TF does not trap behind int", ring);
        static const struct {
            const char* name;
            u32 selector, vector, error;
        } cases[] = {
            {"null", 0, VEC_GP, 0},
            {"past the GDT", 0x403, VEC_GP, 0x400},
            {"data", SEL_UDATA, VEC_GP, SEL_UDATA & ~3},
            {"absent", CODE | 3, VEC_NP, CODE},
            {"an empty LDT", 0x27, VEC_GP, 0x24},
            {"RPL 1", SEL_UCODE & ~2, VEC_GP, SEL_UCODE & ~3},
        };
        set_segment(CODE, 0, 0xfffff, ((ATTR_CODE | ATTR_DPL(3)) & ~ATTR_PRESENT) | FLAT);
        for (u32 i = 0; i < sizeof cases / sizeof *cases; ++i) {
            warm_returns(cs);
            t = return_to(cases[i].selector, FLAG_ONE, SEL_UDATA, SEL_UDATA);
            expect(&t, cases[i].vector, cases[i].error, iret_it_at, named("iret to cs %s", cases[i].name));
        }
    }
    warm_returns(SEL_UCODE);
    struct trap t = return_to(SEL_UCODE, FLAG_ONE, SEL_KDATA | 3, SEL_UDATA);
    expect(&t, VEC_GP, SEL_KDATA, iret_it_at, "iret to ring 3: ss of ring 0");
    for (u32 i = 0; i < 4; ++i) t = return_to(SEL_UCODE, FLAG_ONE, SEL_UDATA, SEL_KDATA);
    check(t.vector == VEC_DONE && t.at.ds == 0 && t.at.es == 0 && t.at.fs == 0 && t.at.gs == 0, "iret to ring 3: ring 0 segments become null");
    for (u32 i = 0; i < 4; ++i) t = return_to(SEL_UCODE, FLAG_ONE, SEL_UDATA, SEL_NULL);
    check(t.vector == VEC_DONE && t.at.ds == 0, "iret to ring 3: null stays null");
    for (u32 i = 0; i < 4; ++i) t = return_to(SEL_UCODE, FLAG_ONE, SEL_UDATA, SEL_UDATA);
    check(t.vector == VEC_DONE && t.at.ds == SEL_UDATA && t.at.fs == SEL_UDATA, "iret to ring 3: ring 3 segments stay");
}

// --- SYSENTER, SYSEXIT --------------------------------------------------------------------------------------

extern const u8 fast_kernel[], fast_other[];
asm(".text\nfast_other: mov $1, %ebx\nfast_kernel: mov %esp, %edi\n mov %esi, %ecx\n mov %ebp, %edx\n sysexit\n");
SNIPPET(fast_calls, "mov %esp, %esi\n .rept 8\n mov $1f, %ebp\n sysenter\n1:\n .endr\n int $0x61\n mov $fast_calls_end, %ebp", "sysenter");
static u8 fast_stack[512];

static void null_cs(struct frame* f) { (void)f; wrmsr(MSR_SYSENTER_CS, 3); }
static void other_cs(struct frame* f) { (void)f; wrmsr(MSR_SYSENTER_CS, SEL_TEST); }
static void other_esp(struct frame* f) { (void)f; wrmsr(MSR_SYSENTER_ESP, (u32)fast_stack + 256); }
static void other_eip(struct frame* f) { (void)f; wrmsr(MSR_SYSENTER_EIP, (u32)fast_other); }

static struct trap fast(handler* change) {
    wrmsr(MSR_SYSENTER_CS, SEL_KCODE);
    wrmsr(MSR_SYSENTER_ESP, (u32)fast_stack + sizeof fast_stack);
    wrmsr(MSR_SYSENTER_EIP, (u32)fast_kernel);
    set_handler(0x61, change);
    struct context c = user_context(fast_calls);
    c.eflags |= FLAG_CF | FLAG_OF;
    return run(&c);
}

static void fast_system_calls(void) {
    plain_gates();
    struct trap t;
    for (u32 i = 0; i < 20; ++i) t = fast(nothing_changes);
    check(t.vector == VEC_DONE && t.at.edi == (u32)fast_stack + sizeof fast_stack && t.at.ebx == 0, "sysenter: 180 times");
    check_equal(t.at.eflags, FLAG_ONE | FLAG_CF | FLAG_OF, "sysenter: flags");
    check(t.at.cs == SEL_UCODE && t.at.ss == SEL_UDATA && t.at.esp == (u32)user_snippet_stack + SNIPPET_STACK_BYTES, "sysexit: cs, ss, esp");
    t = fast(null_cs);
    expect(&t, VEC_GP, 0, fast_calls_at, "sysenter: CS becomes null");
    t = fast(other_cs);
    check(t.vector == VEC_DONE && t.at.cs == (SEL_TEST + 16 + 3) && t.at.ss == (SEL_TEST + 24 + 3), "sysenter: another CS");
    t = fast(other_esp);
    check(t.vector == VEC_DONE && t.at.edi == (u32)fast_stack + 256, "sysenter: another ESP");
    t = fast(other_eip);
    check(t.vector == VEC_DONE && t.at.ebx == 1, "sysenter: another EIP");
}

// --- CR0.TS -------------------------------------------------------------------------------------------------

SNIPPET(stop_fpu, "fninit\n fld1\n mov %cr0, %eax\n or $8, %eax\n mov %eax, %cr0", "fld1");
SNIPPET(stop_and_go, "fninit\n fld1\n fldpi\n mov %cr0, %eax\n or $8, %eax\n mov %eax, %cr0\n nop\n mov %eax, %cr0\n clts\n fstp %st(0)\n fistpl (%ebx)", "nop");
SNIPPET(set_twice, "mov %cr0, %eax\n or $8, %eax\n mov %eax, %cr0\n mov %cr0, %ecx\n clts\n clts\n mov %cr0, %edx\n mov %eax, %cr0", "fnop");

static void task_switched(void) {
    const u32 plain = get_cr0() & ~(CR0_TS | CR0_EM | CR0_MP);
    static u32 one;
    for (u32 i = 0; i < 4; ++i) {
        set_cr0(plain);
        struct trap t = run_kernel(stop_fpu);
        expect(&t, VEC_NM, 0, stop_fpu_at, "TS set behind an x87 instruction stops the next");
        set_cr0(plain);
        struct context c = kernel_context(stop_and_go);
        c.ebx = (u32)&one;
        one = 0;
        t = run(&c);
        check(t.vector == VEC_DONE && one == 1, "TS set and cleared again: the x87 stack is as it was");
        t = run_kernel(set_twice);
        expect(&t, VEC_NM, 0, set_twice_at, "TS set while no x87 state is loaded");
        check(t.at.ecx == (plain | CR0_TS) && t.at.edx == plain, "TS as mov from cr0 shows it");
        set_cr0(plain);
    }
}

int main(void) {
    unchanged();
    changed_gates();
    changed_code();
    changed_stacks();
    odd_returns();
    fast_system_calls();
    task_switched();
    stack_faults();
    return 0;
}
