// #DB: single step with TF and all that it meets, code and data breakpoints, DR6, DR7.GD, RF, CR4.DE, INT1, and how
// MOV SS and POP SS hold it back.
#include "trap.h"

#define DR6_CLEAR 0xffff0ff0u
#define DR6_BS 0x4000u
#define DR6_BD 0x2000u
#define DR7_EXEC(n) (1u << (2 * (n)))
#define DR7_WRITE(n, length) (1u << (2 * (n)) | (0x1u | ((length) - 1) << 2) << (16 + 4 * (n)))
#define DR7_ACCESS(n, length) (1u << (2 * (n)) | (0x3u | ((length) - 1) << 2) << (16 + 4 * (n)))
#define DR7_GD 0x2000u

#define MAX_STEPS 64
static u32 steps, step_eip[MAX_STEPS], step_dr6[MAX_STEPS];
static u32 step_flags[MAX_STEPS];

// Logs each #DB and goes on.
static void log_step(struct frame* f) {
    if (steps < MAX_STEPS) {
        step_eip[steps] = f->eip;
        step_flags[steps] = f->eflags;
        step_dr6[steps] = get_dr6();
    }
    ++steps;
    set_dr6(DR6_CLEAR);
    if (steps > 1000) f->eflags &= ~FLAG_TF;
}

static void log_and_set_rf(struct frame* f) {
    log_step(f);
    f->eflags |= FLAG_RF;
}

static struct trap stepped(struct context c) {
    steps = 0;
    set_dr6(DR6_CLEAR);
    c.eflags |= FLAG_TF;
    set_handler(VEC_DB, log_step);
    const struct trap t = run(&c);
    set_handler(VEC_DB, 0);
    return t;
}

static struct trap watched(struct context c, u32 dr7) {
    steps = 0;
    set_dr6(DR6_CLEAR);
    set_handler(VEC_DB, log_and_set_rf);
    set_dr7(0x400 | dr7);
    const struct trap t = run(&c);
    set_dr7(0x400);
    set_handler(VEC_DB, 0);
    return t;
}

// The eips logged are those of `labels`, with only BS set.
static void check_steps(const char* name, u32 n, const u8* const* labels) {
    bool good = steps == n;
    for (u32 i = 0; i < n && good; ++i) good = step_eip[i] == (u32)labels[i] && (step_dr6[i] & 0xf00f) == DR6_BS;
    check(good, "%s", name);
    if (!good) {
        print("# %u steps:", steps);
        for (u32 i = 0; i < steps && i < 12; ++i) print(" %x/%x", step_eip[i], step_dr6[i]);
        print(", want %u:", n);
        for (u32 i = 0; i < n; ++i) print(" %x", (u32)labels[i]);
        print("\n");
    }
}
#define STEPS(name, ...)                                                   \
    do {                                                                   \
        const u8* const labels[] = {__VA_ARGS__};                          \
        check_steps(name, sizeof labels / sizeof *labels, labels);         \
    } while (0)

#define LABELS(...) extern const u8 __VA_ARGS__
LABELS(plain[], plain_1[], plain_2[], plain_3[], plain_end[]);
asm(".text\nplain: nop\nplain_1: inc %eax\nplain_2: jmp plain_3\n nop\nplain_3: mov $5, %ecx\nplain_end: int $0x50");
LABELS(ss_load[], ss_load_1[], ss_load_2[], ss_load_3[], ss_load_end[]);
asm(".text\nss_load: mov %ss, %eax\nss_load_1: mov %eax, %ss\nss_load_2: nop\nss_load_3: nop\nss_load_end: int $0x50");
LABELS(ss_pop[], ss_pop_1[], ss_pop_2[], ss_pop_3[], ss_pop_end[]);
asm(".text\nss_pop: push %ss\nss_pop_1: pop %ss\nss_pop_2: nop\nss_pop_3: nop\nss_pop_end: int $0x50");
LABELS(rep_step[], rep_step_1[], rep_step_end[]);
asm(".text\nrep_step: mov $3, %ecx\nrep_step_1: rep lodsb\nrep_step_end: int $0x50");
LABELS(step_int[], step_int_end[]);
asm(".text\nstep_int: int $0x70\nstep_int_end: nop\n int $0x50");
LABELS(handler_70[]);
asm(".text\nhandler_70: nop\n nop\n iretl");
LABELS(step_popf[], step_popf_1[], step_popf_2[], step_popf_3[]);
asm(".text\nstep_popf: pushl $0x102\nstep_popf_1: popfl\nstep_popf_2: nop\nstep_popf_3: pushl $2\nstep_popf_4: popfl\nstep_popf_5: nop\n int $0x50");
LABELS(step_popf_4[], step_popf_5[]);
LABELS(step_call[], step_call_1[], step_call_2[], step_call_3[], step_call_4[]);
asm(".text\nstep_call: call step_call_2\nstep_call_1: jmp step_call_4\nstep_call_2: loop step_call_3\n nop\nstep_call_3: ret\nstep_call_4: int $0x50");
LABELS(step_pushf[], step_pushf_1[], step_pushf_2[]);
asm(".text\nstep_pushf: pushfl\nstep_pushf_1: pop %eax\nstep_pushf_2: int $0x50");
LABELS(step_fault[], step_fault_1[]);
asm(".text\nstep_fault: nop\nstep_fault_1: ud2");
LABELS(step_sti[], step_sti_1[], step_sti_2[]);
asm(".text\nstep_sti: cli\nstep_sti_1: cli\nstep_sti_2: int $0x50");
LABELS(step_cpuid[], step_cpuid_1[], step_cpuid_2[]);
asm(".text\nstep_cpuid: xor %eax, %eax\nstep_cpuid_1: cpuid\nstep_cpuid_2: int $0x50");
LABELS(step_out[], step_out_1[]);
asm(".text\nstep_out: out %al, $0x80\nstep_out_1: int $0x50");

static void single_step(void) {
    for (u32 user = 0; user < 2; ++user) {
        const char* who = user ? "user" : "kernel";
        struct context c = user ? user_context(plain) : kernel_context(plain);
        struct trap t = stepped(c);
        STEPS(named("TF: each instruction, %s", who), plain_1, plain_2, plain_3, plain_end);
        check(t.vector == VEC_DONE && (t.at.eflags & FLAG_TF), "TF: int pushes TF, %s", who);
        check(step_flags[0] & FLAG_TF, "TF: the pushed flags have it, %s", who);
        c.eip = (u32)ss_load;
        stepped(c);
        STEPS(named("TF: mov ss holds it back, %s", who), ss_load_1, ss_load_3, ss_load_end);
        c.eip = (u32)ss_pop;
        stepped(c);
        STEPS(named("TF: pop ss holds it back, %s", who), ss_pop_1, ss_pop_3, ss_pop_end);
        c.eip = (u32)rep_step;
        c.esi = (u32)plain;
        stepped(c);
        STEPS(named("TF: rep stops after each element, %s", who), rep_step_1, rep_step_1, rep_step_1, rep_step_end);
        c.eip = (u32)step_call;
        c.ecx = 9;
        stepped(c);
        STEPS(named("TF: call, loop, ret, %s", who), step_call_2, step_call_3, step_call_1, step_call_4);
        c.eip = (u32)step_popf;
        c.eflags &= ~FLAG_TF;
        steps = 0;
        set_dr6(DR6_CLEAR);
        set_handler(VEC_DB, log_step);
        t = run(&c);
        set_handler(VEC_DB, 0);
        STEPS(named("TF: popf sets it, and clears it, %s", who), step_popf_3, step_popf_4, step_popf_5);
        c.eip = (u32)step_pushf;
        t = stepped(c);
        check(t.at.eax & FLAG_TF, "TF: pushf shows it, %s", who);
        c.eip = (u32)step_fault;
        t = stepped(c);
        STEPS(named("TF: a fault comes in place of the step, %s", who), step_fault_1);
        check(t.vector == VEC_UD && t.at.eip == (u32)step_fault_1 && (t.at.eflags & FLAG_TF), "TF: the fault's flags, %s", who);
        c.eip = (u32)step_cpuid;
        stepped(c);
        STEPS(named("TF: cpuid, %s", who), step_cpuid_1, step_cpuid_2);
    }
    // An interrupt clears TF; the step comes once the handler has returned and one more instruction ran.
    set_idt_gate(0x70, SEL_KCODE, handler_70, ATTR_TRAP32 | ATTR_DPL(3));
    stepped(kernel_context(step_int));
    STEPS("TF: int n is not stepped into, kernel", step_int_end + 1);
    stepped(user_context(step_int));
    STEPS("TF: int n is not stepped into, user", step_int_end + 1);
    reset_idt_gate(0x70);
    stepped(kernel_context(step_out));
    STEPS("TF: out", step_out_1);
    stepped(kernel_context(step_sti));
    STEPS("TF: cli", step_sti_1, step_sti_2);
}

LABELS(code_bp[], code_bp_1[], code_bp_2[], code_bp_3[]);
asm(".text\ncode_bp: mov $1, %eax\ncode_bp_1: mov $2, %eax\ncode_bp_2: mov $3, %eax\ncode_bp_3: int $0x50");
LABELS(bp_after_ss[], bp_after_ss_1[], bp_after_ss_2[]);
asm(".text\nbp_after_ss: mov %ss, %eax\n mov %eax, %ss\nbp_after_ss_1: nop\nbp_after_ss_2: nop\n int $0x50");
LABELS(bp_loop[], bp_loop_1[], bp_loop_2[]);
asm(".text\nbp_loop: mov $5, %ecx\nbp_loop_1: nop\n dec %ecx\n jnz bp_loop_1\nbp_loop_2: int $0x50");
LABELS(bp_ud[]);
asm(".text\nbp_ud: ud2");

static void code_breakpoints(void) {
    set_dr0((u32)code_bp_1);
    struct trap t = watched(kernel_context(code_bp), 0);
    check(t.vector == VEC_DONE && steps == 0, "code breakpoint: not enabled");
    steps = 0;
    set_dr6(DR6_CLEAR);
    set_dr7(0x400 | DR7_EXEC(0));
    t = run_kernel(code_bp);
    set_dr7(0x400);
    expect(&t, VEC_DB, 0, code_bp_1, "code breakpoint: before the instruction");
    check_equal(t.at.eax, 1, "code breakpoint: the one before ran");
    check_equal(get_dr6() & 0xf00f, 1, "code breakpoint: DR6 names it");
    check(!(t.at.eflags & FLAG_RF), "code breakpoint: alone among faults, it pushes RF clear");
    t = watched(kernel_context(code_bp), DR7_EXEC(0));
    check(t.vector == VEC_DONE && steps == 1 && t.at.eax == 3, "code breakpoint: RF lets the instruction pass");
    check(!(t.at.eflags & FLAG_RF), "code breakpoint: RF is gone after it");
    t = watched(user_context(code_bp), DR7_EXEC(0) << 1);
    check(t.vector == VEC_DONE && steps == 1, "code breakpoint: by the global enable bit, in user mode");
    set_dr0((u32)code_bp_1 + 1);
    watched(kernel_context(code_bp), DR7_EXEC(0));
    check_equal(steps, 0, "code breakpoint: in the middle of an instruction there is none");
    set_dr0((u32)bp_loop_1);
    t = watched(kernel_context(bp_loop), DR7_EXEC(0));
    check(t.vector == VEC_DONE && steps == 5, "code breakpoint: each turn of a loop");
    // Run first without, then with: translations made before must not be blind.
    set_dr0((u32)code_bp_2);
    for (u32 i = 0; i < 50; ++i) run_kernel(code_bp);
    watched(kernel_context(code_bp), DR7_EXEC(0));
    check(steps == 1 && step_eip[0] == (u32)code_bp_2, "code breakpoint: in code that ran often before");
    set_dr1((u32)code_bp_2);
    set_dr2((u32)code_bp_2);
    set_dr3((u32)code_bp_3);
    watched(kernel_context(code_bp), DR7_EXEC(0) | DR7_EXEC(1) | DR7_EXEC(2) | DR7_EXEC(3));
    check(steps == 2 && (step_dr6[0] & 0xf) == 7 && (step_dr6[1] & 0xf) == 8, "code breakpoint: all four registers");
    set_dr0((u32)bp_after_ss_1);
    set_dr1((u32)bp_after_ss_2);
    watched(kernel_context(bp_after_ss), DR7_EXEC(0) | DR7_EXEC(1));
    check(steps == 1 && step_eip[0] == (u32)bp_after_ss_2, "code breakpoint: held back, and lost, right after mov ss");
    set_dr0((u32)bp_ud);
    t = watched(kernel_context(bp_ud), DR7_EXEC(0));
    check(steps == 1 && t.vector == VEC_UD, "code breakpoint: comes before the instruction's own fault");
}

static u32 watch[4] __attribute__((aligned(16)));
LABELS(data_bp[], data_bp_1[], data_bp_2[], data_bp_3[], data_bp_4[]);
asm(".text\ndata_bp: mov $7, %eax\n mov %eax, (%ebx)\ndata_bp_1: nop\ndata_bp_2: mov (%ebx), %ecx\ndata_bp_3: nop\ndata_bp_4: int $0x50");
LABELS(data_byte[], data_byte_1[]);
asm(".text\ndata_byte: movb $1, (%ebx)\ndata_byte_1: int $0x50");
LABELS(data_ss[], data_ss_1[], data_ss_2[]);
asm(".text\ndata_ss: mov (%ebx), %ss\ndata_ss_1: nop\ndata_ss_2: nop\n int $0x50");
LABELS(data_rep[], data_rep_1[]);
asm(".text\ndata_rep: rep stosl\ndata_rep_1: int $0x50");
LABELS(data_push[], data_push_1[]);
asm(".text\ndata_push: push %eax\ndata_push_1: int $0x50");
LABELS(data_rmw[], data_rmw_1[]);
asm(".text\ndata_rmw: incl (%ebx)\ndata_rmw_1: int $0x50");

static struct trap touching(const u8* code, u32 ebx, u32 dr7) {
    struct context c = kernel_context(code);
    c.ebx = ebx;
    return watched(c, dr7);
}

static void data_breakpoints(void) {
    const u32 at = (u32)&watch[1];
    set_dr0(at);
    struct trap t = touching(data_bp, at, DR7_WRITE(0, 4));
    check(t.vector == VEC_DONE && steps == 1 && step_eip[0] == (u32)data_bp_1 && (step_dr6[0] & 0xf00f) == 1, "data breakpoint, write: after the store");
    check(watch[1] == 7, "data breakpoint: the store was made");
    check(!(step_flags[0] & FLAG_RF), "data breakpoint: RF is clear in the pushed flags");
    touching(data_bp, at, DR7_ACCESS(0, 4));
    check(steps == 2 && step_eip[0] == (u32)data_bp_1 && step_eip[1] == (u32)data_bp_3, "data breakpoint, access: the load too");
    for (u32 i = 0; i < 50; ++i) touching(data_byte, at, 0);
    const u32 sizes[] = {1, 2, 4};
    u32 wrong = 0;
    for (u32 s = 0; s < 3; ++s)
        for (int d = -5; d <= 5; ++d) {
            touching(data_byte, at + (u32)d, DR7_WRITE(0, sizes[s]));
            const bool inside = d >= 0 && (u32)d < sizes[s];
            wrong += steps != inside;
            touching(data_bp, at + (u32)d, DR7_WRITE(0, sizes[s]));
            const bool overlaps = d > -4 && d < (int)sizes[s];
            wrong += steps != overlaps;
        }
    check(!wrong, "data breakpoint: exactly the bytes that it covers");
    touching(data_rmw, at, DR7_WRITE(0, 4));
    check(steps == 1 && step_eip[0] == (u32)data_rmw_1, "data breakpoint: read-modify-write");
    watch[1] = SEL_KDATA;
    touching(data_ss, at, DR7_ACCESS(0, 4));
    check(steps == 1 && step_eip[0] == (u32)data_ss_2, "data breakpoint: mov ss from watched memory waits for one instruction");
    struct context c = kernel_context(data_rep);
    c.edi = (u32)watch;
    c.ecx = 4;
    t = watched(c, DR7_WRITE(0, 4));
    check(steps == 1 && step_eip[0] == (u32)data_rep && t.at.ecx == 0, "data breakpoint: within rep stosl, after the element");
    if (steps != 1 || step_eip[0] != (u32)data_rep) print("# %u steps, eip %x, rep at %x\n", steps, step_eip[0], (u32)data_rep);
    c = user_context(data_push);
    set_dr1(c.esp - 4);
    watched(c, DR7_WRITE(1, 4));
    check(steps == 1 && step_eip[0] == (u32)data_push_1 && (step_dr6[0] & 0xf) == 2, "data breakpoint: push");
    // In user mode.
    c = user_context(data_bp);
    c.ebx = at;
    watched(c, DR7_WRITE(0, 4));
    check(steps == 1 && step_eip[0] == (u32)data_bp_1, "data breakpoint: user mode");
    // Both reasons at once.
    set_dr6(DR6_CLEAR);
    set_dr7(0x400 | DR7_WRITE(0, 4));
    c = kernel_context(data_byte);
    c.ebx = at;
    stepped(c);
    set_dr7(0x400);
    check(steps == 1 && (step_dr6[0] & 0xf00f) == (DR6_BS | 1), "data breakpoint and single step come as one #DB");
    // DR6 shows matches that are not enabled? At most: it must not miss those that are.
    set_dr0(at);
    set_dr1(at);
    touching(data_byte, at, DR7_WRITE(0, 1) | DR7_WRITE(1, 4));
    check(steps == 1 && (step_dr6[0] & 3) == 3, "data breakpoint: two at once");
}

SNIPPET(read_dr3, "nop", "mov %dr3, %eax");
SNIPPET(write_dr0, "nop", "mov %eax, %dr0");
SNIPPET(read_dr4, "nop", "mov %dr4, %eax");
SNIPPET(write_dr5, "mov $0x400, %eax", "mov %eax, %dr5");
SNIPPET(icebp, "nop", ".byte 0xf1");

static void registers(void) {
    set_dr6(0);
    check_equal(get_dr6(), DR6_CLEAR, "DR6: fixed bits");
    set_dr6(0xffffffff);
    check_equal(get_dr6() & 0xe00f, 0xe00f, "DR6: writable bits");
    set_dr6(DR6_CLEAR);
    set_dr7(0);
    check_equal(get_dr7(), 0x400, "DR7: bit 10 is fixed");
    set_dr7(0x400);
    set_dr3(0x12345678);
    struct trap t = run_kernel(read_dr3);
    check_equal(t.at.eax, 0x12345678, "DR3 reads back");
    set_dr7(0x400 | DR7_GD);
    t = run_kernel(read_dr3);
    expect(&t, VEC_DB, 0, read_dr3_at, "DR7.GD: a read is #DB before the instruction");
    check(get_dr6() & DR6_BD, "DR7.GD: DR6.BD");
    check(!(get_dr7() & DR7_GD), "DR7.GD: #DB clears it");
    set_dr7(0x400 | DR7_GD);
    t = run_kernel(write_dr0);
    expect(&t, VEC_DB, 0, write_dr0_at, "DR7.GD: a write too");
    set_dr7(0x400);
    set_dr6(DR6_CLEAR);
    t = run_kernel(read_dr4);
    check(t.vector == VEC_DONE && t.at.eax == get_dr6(), "DR4 is DR6 without CR4.DE");
    t = run_kernel(write_dr5);
    expect_done(&t, "DR5 is DR7 without CR4.DE");
    set_cr4(get_cr4() | CR4_DE);
    t = run_kernel(read_dr4);
    expect(&t, VEC_UD, 0, read_dr4_at, "DR4 is undefined with CR4.DE");
    t = run_kernel(write_dr5);
    expect(&t, VEC_UD, 0, write_dr5_at, "DR5 is undefined with CR4.DE");
    set_cr4(get_cr4() & ~CR4_DE);
    t = run_user(read_dr3);
    expect(&t, VEC_GP, 0, read_dr3_at, "debug registers are privileged");
    t = run_kernel(icebp);
    expect(&t, VEC_DB, 0, icebp_end, "int1 is a trap");
    t = run_user(icebp);
    expect(&t, VEC_DB, 0, icebp_end, "int1 ignores the gate's DPL");
}

// A fault pushes RF so that its restart is not caught by a code breakpoint; a trap and an interrupt do not.
static void resume_flag(void) {
    extern const u8 bp_ud[];
    set_dr6(DR6_CLEAR);
    struct trap t = run_kernel(bp_ud);
    check(t.at.eflags & FLAG_RF, "RF: set in the flags that a fault pushes");
    t = run_kernel(plain);
    check(!(t.at.eflags & FLAG_RF), "RF: not in those of int n");
    SNIPPET(flags_with_rf, "pushl $0x10002\n popfl\n pushfl\n pop %eax", "nop");
    t = run_kernel(flags_with_rf);
    check(!(t.at.eax & FLAG_RF), "RF: popf and pushf do not carry it");
}

int main(void) {
    single_step();
    code_breakpoints();
    data_breakpoints();
    registers();
    resume_flag();
    return 0;
}
