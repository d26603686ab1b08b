// Steps: a change here, a run there, a checksum of everything at fixed points. And what becomes of what user code meets.
#include "multiboot.h"
#include "users.h"

bool tracing;
static u32 steps = 2000, trace_from, trace_to;
static u32 faults_left, changes_left, stops_left;
static void mix_frame(const struct frame* f) {
    const u32 values[] = {f->vector, f->error, f->eip, f->cs & 0xffff, f->eflags, f->eax, f->ecx, f->edx, f->ebx, f->ebp, f->esi, f->edi, (f->cs & 3) ? f->esp : 0,
                          f->vector == VEC_PF ? get_cr2() : 0};
    for (u32 n = 0; n < sizeof values / 4; ++n) mix(values[n]);
    if (tracing)
        print("# vector %u, error %x, at %x:%x, flags %x, cr2 %x, eax %x ecx %x edx %x ebx %x esi %x edi %x esp %x\n", f->vector, f->error, f->cs & 0xffff,
              f->eip, f->eflags, get_cr2(), f->eax, f->ecx, f->edx, f->ebx, f->esi, f->edi, f->esp);
}

static void end_run(struct frame* f) {
    targets[PAGE / 4 - 1] = 0xcd | VEC_DONE << 8;  // INT, in a page of the user's
    f->eip = (u32)&targets[PAGE / 4 - 1], f->cs = SEL_UCODE;
    f->eflags &= ~(FLAG_TF | FLAG_AC);
}

// Elsewhere, in some segment.
static void hop(struct frame* f) {
    f->eflags &= ~0x400u;
    if (one_in(4)) {
        f->cs = SEL_SIXTEEN(below(SIXTEENS)), f->eip = 0;
    } else {
        const u32 n = one_in(2) ? 0 : below(CODE_SEGMENTS);
        f->cs = SEL_CODE(n), f->eip = code_cell() - segment_base(n);
    }
}

static void on_fault(struct frame* f) {
    mix_frame(f);
    if (!(f->cs & 3)) give_up("exception %u, error %x, at %x, cr2 %x", f->vector, f->error, f->eip, get_cr2());
    if (faults_left-- == 0) return end_run(f);
    if (f->vector == VEC_PF && !one_in(4) && repair(get_cr2())) return;
    hop(f);
}

static void on_debug(struct frame* f) {
    const u32 met = get_dr6();
    mix_frame(f);
    mix(met);
    set_dr6(0xffff0ff0);
    if (met & 3) f->eflags |= FLAG_RF;  // breakpoints of execution
    if (stops_left-- != 0) return;
    stops_left = 60;
    f->eflags &= ~FLAG_TF;
    clear_breakpoints();
}

static void on_change(struct frame* f) {
    mix_frame(f);
    if (changes_left-- == 0) return end_run(f);
    change_something();
}

static void on_hop(struct frame* f) {
    mix_frame(f);
    if (changes_left-- == 0) return end_run(f);
    hop(f);
}

static void set_handlers(void) {
    static const u8 faults[] = {VEC_DE, VEC_BP, VEC_OF, VEC_BR, VEC_UD, VEC_NP, VEC_SS, VEC_GP, VEC_PF, VEC_AC};
    for (u32 n = 0; n < sizeof faults; ++n) set_handler(faults[n], on_fault);
    set_handler(VEC_DB, on_debug);
    set_handler(CHANGE_GATE, on_change);
    set_handler(HOP_GATE, on_hop);
    for (u32 gate = CHANGE_GATE; gate <= HOP_GATE; ++gate) set_idt_gate((u8)gate, SEL_KCODE, trap_stub((u8)gate), ATTR_INT32 | ATTR_DPL(3));
}

static void run_users(void) {
    fuel[0] = one_in(32) ? 5000 : below(one_in(4) ? 800 : 100);
    faults_left = below(20), changes_left = below(30), stops_left = 60;
    struct context c = user_context((const void*)code_cell());
    if (one_in(16)) c.eflags |= FLAG_TF;
    c.esp = (u32)stack_of_users + PAGE;
    c.eax = any32(), c.ecx = any32(), c.edx = any32(), c.ebx = any32(), c.ebp = any32(), c.esi = any32(), c.edi = any32();
    const struct trap t = run(&c);
    const u32 values[] = {t.vector, t.at.cs, t.at.eip, t.at.eflags, t.at.eax, t.at.ecx, t.at.edx, t.at.ebx, t.at.esi, t.at.edi, t.at.esp};
    for (u32 n = 0; n < sizeof values / 4; ++n) mix(values[n]);
    if (tracing) print("# ended by %u at %x:%x, fuel %x\n", t.vector, t.at.cs, t.at.eip, fuel[0]);
}

int main(void) {
    seed = option("seed", seed);
    steps = option("steps", steps);
    trace_from = option("from", ~0u), trace_to = option("to", trace_from);
    print("# seed %u, %u steps\n", seed, steps);
    build_world();
    set_handlers();
    for (u32 step = 1; step <= steps; ++step) {
        tracing = step >= trace_from && step <= trace_to;
        one_in(4) ? change_something() : run_users();
        if (!tracing && step % 100) continue;
        checksum_world();
        print("# step %u: %X\n", step, checksum);
    }
    check(true, "%u steps", steps);
    return 0;
}
