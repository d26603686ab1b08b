// The C half of run(): contexts, the record of a trap, and judging it.
#include "trap.h"

u8 kernel_snippet_stack[SNIPPET_STACK_BYTES] __attribute__((aligned(4096)));
u8 user_snippet_stack[SNIPPET_STACK_BYTES] __attribute__((aligned(4096)));

// Shared with trap.S.
extern const u8 trap_stubs[];
void enter_context(const struct context* c);
void end_of_run(struct frame* f, u32 ss);
void end_by_double_fault(u32 error);
u32 run_stack_base, run_stack_mask = ~0u;  // how a ring 0 snippet's SS turns ESP into an address
handler* handlers[256];

static bool running;
static struct trap last;

const void* trap_stub(u8 vector) { return trap_stubs + 16 * vector; }
void set_handler(u8 vector, handler* h) { handlers[vector] = h; }

struct context kernel_context(const void* code) {
    return (struct context){.es = SEL_KDATA, .ds = SEL_KDATA, .fs = SEL_KDATA, .gs = SEL_KDATA,
                            .eip = (u32)code, .cs = SEL_KCODE, .eflags = FLAG_ONE,
                            .esp = (u32)kernel_snippet_stack + SNIPPET_STACK_BYTES, .ss = SEL_KDATA};
}

struct context user_context(const void* code) {
    return (struct context){.es = SEL_UDATA, .ds = SEL_UDATA, .fs = SEL_UDATA, .gs = SEL_UDATA,
                            .eip = (u32)code, .cs = SEL_UCODE, .eflags = FLAG_ONE,
                            .esp = (u32)user_snippet_stack + SNIPPET_STACK_BYTES, .ss = SEL_UDATA};
}

struct context v86_context(u16 cs, u16 ip) {
    return (struct context){.es = cs, .ds = cs, .fs = cs, .gs = cs, .eip = ip, .cs = cs,
                            .eflags = FLAG_ONE | FLAG_VM, .esp = 0xfff0, .ss = cs};
}

static void note_stack_shape(const struct context* c) {
    run_stack_base = 0;
    run_stack_mask = ~0u;
    if ((c->eflags & FLAG_VM) || (c->cs & 3)) return;
    const u64 d = *descriptor((u16)c->ss);
    run_stack_base = (u32)(d >> 16 & 0xffffff) | (u32)(d >> 56) << 24;
    if (!(d >> 54 & 1)) run_stack_mask = 0xffff;
}

struct trap run(const struct context* c) {
    note_stack_shape(c);
    running = true;
    enter_context(c);
    return last;
}

struct trap run_kernel(const void* code) {
    const struct context c = kernel_context(code);
    return run(&c);
}

struct trap run_user(const void* code) {
    const struct context c = user_context(code);
    return run(&c);
}

static void record(const struct frame* f, u32 ss) {
    const bool v86 = f->eflags & FLAG_VM, outer = v86 || (f->cs & 3);
    last.vector = f->vector;
    last.error = f->error;
    last.cr2 = get_cr2();
    last.at = (struct context){.eax = f->eax, .ecx = f->ecx, .edx = f->edx, .ebx = f->ebx, .ebp = f->ebp,
                               .esi = f->esi, .edi = f->edi,
                               .es = (u16)(v86 ? f->v86_es : f->es), .ds = (u16)(v86 ? f->v86_ds : f->ds),
                               .fs = (u16)(v86 ? f->v86_fs : f->fs), .gs = (u16)(v86 ? f->v86_gs : f->gs),
                               .eip = f->eip, .cs = (u16)f->cs, .eflags = f->eflags,
                               .esp = outer ? f->esp : f->unused + offsetof(struct frame, esp) - offsetof(struct frame, vector),
                               .ss = (u16)(outer ? f->ss : ss)};
}

// Called on run()'s stack; trap.S returns from run() afterwards.
void end_of_run(struct frame* f, u32 ss) {
    record(f, ss);
    if (!running)
        give_up("unexpected exception %u, error %x, cs:eip %x:%x, cr2 %x", last.vector, last.error, last.at.cs, last.at.eip, last.cr2);
    running = false;
}

// The double fault handler is a task, since the stack may be what is wrong. The old task's registers are in its TSS.
void end_by_double_fault(u32 error) {
    const struct tss* t = &main_tss;
    last = (struct trap){.vector = VEC_DF, .error = error, .cr2 = get_cr2(),
                         .at = {t->eax, t->ecx, t->edx, t->ebx, t->ebp, t->esi, t->edi, t->es, t->ds, t->fs, t->gs,
                                t->eip, t->cs, t->eflags, t->esp, t->ss}};
    reload_task();
    set_segment(SEL_DF_TSS, (u32)&double_fault_tss, sizeof double_fault_tss - 1, ATTR_TSS32);
    double_fault_tss.eip = (u32)double_fault_entry;
    asm volatile("clts");
    if (!running) give_up("unexpected double fault, eip %x", t->eip);
    running = false;
}

void expect(const struct trap* t, u32 vector, u32 error, const void* eip, const char* name) {
    const bool good = t->vector == vector && t->error == error && (!eip || t->at.eip == (u32)eip);
    check(good, "%s", name);
    if (!good)
        print("# got vector %u error %x eip %x cr2 %x, want vector %u error %x eip %x\n", t->vector, t->error,
              t->at.eip, t->cr2, vector, error, (u32)eip);
}

void expect_done(const struct trap* t, const char* name) { expect(t, VEC_DONE, 0, 0, name); }
