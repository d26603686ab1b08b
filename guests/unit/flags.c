// What decides when interrupts come, and who may change the flags that say so: IF and its shadow, popf, pushf, iret,
// cli and sti at each IOPL, AC and ID, and real interrupts between instructions.
#include "trap.h"

static struct trap at_level(u32 ring, u32 iopl, const u8* code, u32 eax, u32 more_flags) {
    struct context c = ring ? user_context(code) : kernel_context(code);
    c.eflags |= FLAG_IOPL(iopl) | more_flags;
    c.eax = eax;
    return run(&c);
}

SNIPPET(popf_it, "push %eax", "popfl");
SNIPPET(popf16_it, "push %ax", "popfw");
SNIPPET(pushf_it, "pushfl\n pop %ebx\n pushfw\n pop %cx", "nop");
SNIPPET(iret_it, "push %eax\n push %cs\n push $iret_it_end", "iretl");
SNIPPET(cli_it, "nop", "cli");
SNIPPET(sti_it, "nop", "sti");
SNIPPET(lahf_it, "sahf\n lahf", "nop");
SNIPPET(flag_ops, "stc\n pushfl\n pop %eax\n clc\n pushfl\n pop %ebx\n cmc\n pushfl\n pop %ecx\n std\n pushfl\n pop %edx\n cld", "nop");

#define ALL (FLAG_ONE | 0xfd5u | FLAG_IOPL(3) | FLAG_AC | FLAG_ID)  // not TF, NT, RF, VM

static void writable_bits(void) {
    for (u32 ring = 0; ring < 4; ring += 3)
        for (u32 iopl = 0; iopl < 4; iopl += 3) {
            const bool may_if = iopl >= ring, may_iopl = ring == 0;
            const u32 fixed = (may_if ? 0 : FLAG_IF) | (may_iopl ? 0 : FLAG_IOPL(3)) | FLAG_TF;
            for (u32 way = 0; way < 2; ++way) {
                const u8* code = way ? iret_it : popf_it;
                const char* name = way ? "iret" : "popf";
                struct trap t = at_level(ring, iopl, code, ALL & ~FLAG_TF, 0);
                u32 want = (ALL & ~fixed) | (FLAG_IOPL(iopl) & fixed);
                check_equal(t.at.eflags & ~FLAG_RF, want, "%s sets all in ring %u with IOPL %u", name, ring, iopl);
                t = at_level(ring, iopl, code, FLAG_ONE, FLAG_IF | FLAG_CF | FLAG_AC | FLAG_ID);
                want = FLAG_ONE | ((FLAG_IF | FLAG_IOPL(iopl)) & fixed);
                check_equal(t.at.eflags & ~FLAG_RF, want, "%s clears all in ring %u with IOPL %u", name, ring, iopl);
            }
            struct trap t = at_level(ring, iopl, popf16_it, 0xffff & ALL & ~FLAG_TF, FLAG_AC);
            check(t.at.eflags & FLAG_AC, "popfw keeps the upper half in ring %u with IOPL %u", ring, iopl);
            t = at_level(ring, iopl, pushf_it, 0, FLAG_IF | FLAG_DF | FLAG_AC);
            check(t.at.ebx == (FLAG_ONE | FLAG_IF | FLAG_DF | FLAG_AC | FLAG_IOPL(iopl)) && (t.at.ecx & 0xffff) == (t.at.ebx & 0xffff),
                  "pushf shows IF and IOPL in ring %u with IOPL %u", ring, iopl);
            t = at_level(ring, iopl, cli_it, 0, FLAG_IF);
            if (may_if)
                check(t.vector == VEC_DONE && !(t.at.eflags & FLAG_IF), "cli in ring %u with IOPL %u", ring, iopl);
            else
                expect(&t, VEC_GP, 0, cli_it_at, named("cli in ring %u with IOPL %u", ring, iopl));
            t = at_level(ring, iopl, sti_it, 0, 0);
            if (may_if)
                check(t.vector == VEC_DONE && (t.at.eflags & FLAG_IF), "sti in ring %u with IOPL %u", ring, iopl);
            else
                expect(&t, VEC_GP, 0, sti_it_at, named("sti in ring %u with IOPL %u", ring, iopl));
        }
    struct trap t = run_kernel(flag_ops);
    check((t.at.eax & FLAG_CF) && !(t.at.ebx & FLAG_CF) && (t.at.ecx & FLAG_CF) && (t.at.edx & FLAG_DF) && !(t.at.eflags & FLAG_DF), "stc, clc, cmc, std, cld");
    t = at_level(0, 0, lahf_it, 0xff00, 0);
    check_equal(t.at.eax & 0xff00, 0xd700, "sahf and lahf: the fixed bits");
    t = at_level(0, 0, popf_it, 0xffffffff & ~(FLAG_TF | FLAG_NT | FLAG_VM | FLAG_IF | 3u << 19), 0);
    check_equal(t.at.eflags & 0xffc08028, 0, "popf leaves the reserved bits clear");
}

// --- real interrupts: the timer's line, raised and waiting ------------------------------------------------

static void set_up_pics(void) {
    outb(0x20, 0x11), outb(0x21, VEC_IRQ), outb(0x21, 4), outb(0x21, 1);
    outb(0xa0, 0x11), outb(0xa1, VEC_IRQ + 8), outb(0xa1, 2), outb(0xa1, 1);
    outb(0x21, 0xff), outb(0xa1, 0xff);
}

// One tick, soon; then waits until the controller has it pending.
static void raise_timer(void) {
    outb(0x21, 0xfe);
    outb(0x43, 0x30);
    outb(0x40, 10), outb(0x40, 0);
    do outb(0x20, 0x0a);
    while (!(inb(0x20) & 1));
}
static void end_of_interrupt(void) { outb(0x20, 0x20); }

static u32 irq_eip, irq_count, irq_flags;
static void on_timer(struct frame* f) {
    irq_eip = f->eip;
    irq_flags = f->eflags;
    ++irq_count;
    outb(0x21, 0xff);
    end_of_interrupt();
}

static struct trap with_pending(struct context c) {
    irq_count = irq_eip = 0;
    raise_timer();
    return run(&c);
}

#define LABELS(...) extern const u8 __VA_ARGS__
LABELS(sti_shadow[], sti_shadow_1[], sti_shadow_2[]);
asm(".text\nsti_shadow: sti\nsti_shadow_1: nop\nsti_shadow_2: nop\n nop\n int $0x50");
LABELS(sti_sti[], sti_sti_1[], sti_sti_2[]);
asm(".text\nsti_sti: sti\nsti_sti_1: sti\nsti_sti_2: nop\n int $0x50");
LABELS(sti_cli[]);
asm(".text\nsti_cli: sti\n cli\n nop\n nop\n int $0x50");
LABELS(sti_hlt[], sti_hlt_1[]);
asm(".text\nsti_hlt: sti\n hlt\nsti_hlt_1: int $0x50");
LABELS(sti_set[], sti_set_1[]);
asm(".text\nsti_set: sti\nsti_set_1: nop\n int $0x50");
LABELS(mov_ss[], mov_ss_1[], mov_ss_2[]);
asm(".text\nmov_ss: mov %ss, %eax\n sti\n mov %eax, %ss\nmov_ss_1: nop\nmov_ss_2: nop\n int $0x50");
LABELS(popf_if[], popf_if_1[]);
asm(".text\npopf_if: pushl $0x202\n popfl\npopf_if_1: nop\n nop\n int $0x50");
LABELS(iret_if[], iret_if_1[]);
asm(".text\niret_if: pushl $0x202\n push %cs\n push $iret_if_1\n iretl\niret_if_1: nop\n nop\n int $0x50");
LABELS(sti_jump[], sti_jump_1[]);
asm(".text\nsti_jump: sti\n jmp sti_jump_1\n nop\nsti_jump_1: nop\n int $0x50");
LABELS(sti_ret[], sti_ret_1[]);
asm(".text\nsti_ret: push $sti_ret_1\n sti\n ret\n nop\nsti_ret_1: nop\n int $0x50");
LABELS(stays_off[]);
asm(".text\nstays_off: nop\n pushl $2\n popfl\n nop\n nop\n int $0x50");

static void shadows(void) {
    struct trap t = with_pending(kernel_context(sti_shadow));
    check(irq_count == 1 && irq_eip == (u32)sti_shadow_2, "sti: the interrupt comes one instruction later");
    check(irq_flags & FLAG_IF, "sti: IF is set in the pushed flags");
    with_pending(kernel_context(sti_sti));
    check(irq_count == 1 && irq_eip == (u32)sti_sti_2, "sti, sti: the second one makes no shadow");
    t = with_pending(kernel_context(sti_cli));
    check(irq_count == 0 && t.vector == VEC_DONE, "sti, cli: no interrupt");
    outb(0x21, 0xff);
    t = with_pending(kernel_context(sti_hlt));
    check(irq_count == 1 && irq_eip == (u32)sti_hlt_1 && t.vector == VEC_DONE, "sti, hlt: a waiting interrupt wakes it");
    struct context c = kernel_context(sti_set);
    c.eflags |= FLAG_IF;
    with_pending(c);
    check(irq_count == 1 && irq_eip == (u32)sti_set, "iret with IF set and an interrupt waiting: no shadow at all");
    with_pending(kernel_context(mov_ss));
    check(irq_count == 1 && (irq_eip == (u32)mov_ss_1 || irq_eip == (u32)mov_ss_2), "sti, mov ss: the second shadow may count or not");
    with_pending(kernel_context(popf_if));
    check(irq_count == 1 && irq_eip == (u32)popf_if_1, "popf: the interrupt comes at once");
    with_pending(kernel_context(iret_if));
    check(irq_count == 1 && irq_eip == (u32)iret_if_1, "iret: the interrupt comes at once");
    with_pending(kernel_context(sti_jump));
    check(irq_count == 1 && irq_eip == (u32)sti_jump_1, "sti, jmp: the interrupt comes at the target");
    with_pending(kernel_context(sti_ret));
    check(irq_count == 1 && irq_eip == (u32)sti_ret_1, "sti, ret: the interrupt comes at the return address");
    t = with_pending(kernel_context(stays_off));
    check(irq_count == 0 && t.vector == VEC_DONE, "without IF it waits");
    outb(0x21, 0xff);
    // From ring 3, whatever its IOPL.
    extern const u8 user_spin[];
    c = user_context(user_spin);
    c.eflags |= FLAG_IF;
    with_pending(c);
    check(irq_count == 1 && irq_eip == (u32)user_spin, "ring 3 is interrupted at once");
}
asm(".text\nuser_spin: nop\n nop\n int $0x50");

// With IF set all along, the interrupt appears when a port write unmasks it.
LABELS(unmask[], unmask_1[]);
asm(".text\nunmask: out %al, $0x21\nunmask_1: nop\n nop\n mov $1000, %ecx\n1: loop 1b\n int $0x50");

static void unmasking(void) {
    raise_timer();
    outb(0x21, 0xff);
    irq_count = 0;
    struct context c = kernel_context(unmask);
    c.eflags |= FLAG_IF;
    c.eax = 0xfe;
    const struct trap t = run(&c);
    check(t.vector == VEC_DONE && irq_count == 1 && irq_eip >= (u32)unmask_1, "an out that unmasks a waiting interrupt lets it in");
}

int main(void) {
    writable_bits();
    set_up_pics();
    set_handler(VEC_IRQ, on_timer);
    shadows();
    unmasking();
    return 0;
}
