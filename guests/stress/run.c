// Runs code in the world, and decides what becomes of its faults: the run ends, or the instruction is passed over, or
// what it wanted is put in its place.
#include "interrupts.h"
#include "stress.h"

enum policy { END, PASS_OVER, REPAIR };
static enum policy policy;
bool running;
static u32 faults_left, changes_left, steps_left;
u32 ticks;  // not a word about these in the checksum

extern const u8 probes[], probes_end[], run_done[];
asm(".text\nrun_done: int $0x50");

// --- faults --------------------------------------------------------------------------------------------------------

static void end_run(struct frame* f) {
    f->eip = (u32)run_done;
    f->eflags &= ~FLAG_TF;
}

static void mix_frame(const struct frame* f) {
    const u32 values[] = {f->vector, f->error, f->eip, f->cs & 0xffff, f->eflags, f->eax, f->ecx, f->edx, f->ebx, f->ebp, f->esi, f->edi,
                          (f->cs & 3) ? f->esp : 0, f->vector == VEC_PF ? get_cr2() : 0};
    for (u32 n = 0; n < sizeof values / 4; ++n) mix(values[n]);
    if (tracing)
        print("# vector %u, error %x, at %x:%x, flags %x, cr2 %x, eax %x ecx %x edx %x ebx %x esi %x edi %x\n", f->vector, f->error, f->cs & 0xffff, f->eip,
              f->eflags, get_cr2(), f->eax, f->ecx, f->edx, f->ebx, f->esi, f->edi);
}

// Code of this file that may fault.
static bool is_probe(u32 eip) { return eip >= (u32)probes && eip < (u32)probes_end; }

// The instruction behind: in probes there is a NOP behind the one that may fault, and none in it.
static u32 behind(u32 eip) {
    if (is_probe(eip)) {
        while (*(const u8*)eip != 0x90) ++eip;
        return eip;
    }
    const int f = frame_behind(eip);
    const u32 next = f < 0 ? 0 : next_instruction((u32)f, eip % PAGE);
    return next ? (eip & ~(PAGE - 1)) + next : 0;
}

// What code has loaded from a table may not be there any more when a handler returns.
static void make_flat(struct frame* f) {
    f->fs = f->gs = f->ds = f->es = (f->cs & 3) ? SEL_UDATA : SEL_KDATA;
}

static void on_fault(struct frame* f) {
    mix_frame(f);
    make_flat(f);
    if (!running || (!is_probe(f->eip) && f->eip < 0x40000000))
        give_up("exception %u, error %x, cs:eip %x:%x, cr2 %x", f->vector, f->error, f->cs, f->eip, get_cr2());
    if (f->vector == VEC_NM) {
        asm volatile("clts");
        return;
    }
    if (faults_left-- == 0) return end_run(f);
    if (f->vector == VEC_PF && policy == REPAIR) {
        const int code = frame_behind(f->eip);
        // Not in the middle of an instruction of other code.
        if (!repair(get_cr2()) || (!is_probe(f->eip) && (code < 0 || frame_behind(f->eip) != code))) end_run(f);
        return;
    }
    const u32 next = policy == END ? 0 : behind(f->eip);
    if (next)
        f->eip = next;
    else
        end_run(f);
}

static void on_step(struct frame* f) {
    mix_frame(f);
    make_flat(f);
    set_dr6(0);
    if (steps_left-- == 0) f->eflags &= ~FLAG_TF, steps_left = 40;
}

static void on_change(struct frame* f) {
    mix_frame(f);
    make_flat(f);
    if (changes_left-- == 0) return end_run(f);
    change_something();
}

// Leaves every register as it is, segments included.
asm(".text\n.globl on_tick\non_tick: push %eax\n mov $0x20, %al\n out %al, $0x20\n incl %ss:ticks\n pop %eax\n iretl");

void prepare_runs(void) {
    static const u8 faults[] = {VEC_DE, VEC_UD, VEC_NM, VEC_TS, VEC_NP, VEC_SS, VEC_GP, VEC_PF, VEC_AC};
    for (u32 n = 0; n < sizeof faults; ++n) set_handler(faults[n], on_fault);
    set_handler(VEC_DB, on_step);
    set_handler(CHANGE_GATE, on_change);
    choose_callees();
    asm volatile("fninit");
    if (!with_interrupts) return;
    set_up_pics(1);
    start_timer(2000);
}

static void start(struct context* c) {
    u32* const top = (u32*)(stack_of_code + STACK_OF_CODE_BYTES) - 1;
    *top = (u32)run_done;
    c->esp = (u32)top;
    c->eax = any32(), c->edx = any32(), c->ebx = any32(), c->esi = any32(), c->edi = any32();
    if (!is_probe(c->eip)) c->ecx = any32();
    if (with_interrupts && !one_in(4)) c->eflags |= FLAG_IF;
    faults_left = below(one_in(8) ? 1000 : 50);
    changes_left = below(20);
    steps_left = 40;
    if (tracing) print("# run at %x:%x, space %u, policy %u, fuel %u\n", c->cs, c->eip, current, policy, fuel);
    running = true;
    const struct trap t = run(c);
    running = false;
    mix(t.vector), mix(t.at.eip), mix(t.at.eflags), mix(t.at.fs), mix(t.at.gs);
    mix(t.at.eax), mix(t.at.ecx), mix(t.at.edx), mix(t.at.ebx), mix(t.at.esi), mix(t.at.edi);
    if (tracing)
        print("# ended at %x:%x by %u, flags %x, eax %x ecx %x edx %x ebx %x esi %x edi %x, fuel %x\n", t.at.cs, t.at.eip, t.vector, t.at.eflags, t.at.eax,
              t.at.ecx, t.at.edx, t.at.ebx, t.at.esi, t.at.edi, fuel);
}

void run_function(void) {
    fuel = one_in(64) ? 20000 : below(one_in(8) ? 2000 : 100);
    policy = below(3);
    const u32 page = any_page();
    u32 offset = FUNCTION;
    const int f = frame_behind(page);
    if (f >= 0 && roles[f] == ROLE_CODE && one_in(2)) {
        offset = 32;
        policy = below(2);  // no changes: this code is in this frame alone
    }
    struct context c = one_in(2) ? user_context((const void*)(page + offset)) : kernel_context((const void*)(page + offset));
    start(&c);
}

// --- loops of accesses ---------------------------------------------------------------------------------------------

#define POINTERS 16u
static u32 pointers[POINTERS];

// EBX goes through the pointers, ESI is minus their remaining bytes, ECX the rounds. The access is followed by a NOP.
#define PROBE(name, access)                                         \
    extern const u8 probe_##name[];                                 \
    asm(".text\nprobe_" #name ": mov $-64, %esi\n"                  \
        "1: mov pointers+64(%esi), %ebx\n " access "\n nop\n"       \
        " add $4, %esi\n jnz 1b\n dec %ecx\n jnz probe_" #name "\n int $0x50\n")

asm(".text\nprobes:");
PROBE(load, "add (%ebx), %eax");
PROBE(store, "mov %eax, (%ebx)");
PROBE(modify, "add %edx, (%ebx)");
PROBE(same, "orl $0, (%ebx)");
PROBE(exchange, "xchg %eax, (%ebx)");
PROBE(bytes, "adcb %dh, 5(%ebx)");
PROBE(push, "pushl (%ebx)\n pop %eax");
PROBE(string, "lea (%ebx), %edi\n stosl");
PROBE(call, "call *%ebx");
PROBE(divide, "divl (%ebx)");
// "call" goes to the leaf of a function, which keeps the stack and all but one register as they are.

void run_loop_of_accesses(void) {
    static const struct {
        const u8* code;
        bool reads_anything;
    } kinds[] = {{probe_load, true}, {probe_store, false}, {probe_modify, false}, {probe_same, true}, {probe_exchange, false}, {probe_bytes, false},
                 {probe_push, true}, {probe_string, false}, {probe_call, false}, {probe_divide, true}};
    const u32 kind = below(sizeof kinds / sizeof *kinds);
    const u32 different = 1 + below(4);
    for (u32 n = 0; n < POINTERS; ++n) {
        if (n >= different && !one_in(5))
            pointers[n] = pointers[n % different];
        else if (kinds[kind].code == probe_call)
            pointers[n] = any_page() + DATA - 16;
        else
            pointers[n] = kinds[kind].reads_anything && one_in(2) ? any_page() + 16 + below(PAGE - 64) : data_pointer();
    }
    policy = below(3);
    struct context c = one_in(2) ? user_context(kinds[kind].code) : kernel_context(kinds[kind].code);
    c.ecx = one_in(64) ? 5000 : one_in(16) ? 300 + below(600) : 1 + below(30);
    start(&c);
}

extern const u8 poke_low[], poke_both[];
asm(".text\npoke_both: mov %edx, 4(%ebx)\npoke_low: mov %eax, (%ebx)\n int $0x50\nprobes_end: nop");

void store_by_user_code(u32 address, u64 value, bool both_halves) {
    policy = END;
    faults_left = 0;
    struct context c = user_context(both_halves ? poke_both : poke_low);
    c.ebx = address;
    c.eax = (u32)value, c.edx = (u32)(value >> 32);
    running = true;
    run(&c);
    running = false;
}
