// Timer, keyboard and clock interrupts through the two controllers: that they reach code which never stops by itself,
// wake HLT, keep their order, and interrupt long string instructions at a point from which they go on.
#include "interrupts.h"
#include "paging.h"
#include "trap.h"

#define IRQ_TIMER 0
#define IRQ_KEYBOARD 1
#define IRQ_CLOCK 8

static u32 ticks, stop_after, stop_at;
static bool broken_frame;
static u32 log_entries;
static u8 log_vector[64];

// Counts, and after `stop_after` ticks sends the interrupted code to `stop_at`.
static void on_timer(struct frame* f) {
    outb(0x20, 0x20);
    broken_frame |= !(f->eflags & FLAG_IF);
    if (++ticks < stop_after) return;
    stop_timer();
    f->eip = stop_at;
    f->eflags &= ~FLAG_IF;
}

asm(".text\nstopped: int $0x50");
extern const u8 stopped[];

// Runs code that has no end; says whether ten ticks got through.
static struct trap interrupted(struct context c, const char* name) {
    ticks = 0;
    stop_after = 10;
    stop_at = (u32)stopped;
    if (c.eflags & FLAG_VM) stop_at = 0x100;
    broken_frame = false;
    c.eflags |= FLAG_IF;
    set_handler(VEC_IRQ, on_timer);
    start_timer(1000);
    const struct trap t = run(&c);
    check(t.vector == VEC_DONE && ticks == 10 && !broken_frame, "interrupted: %s", name);
    return t;
}

#define LABELS(...) extern const u8 __VA_ARGS__
LABELS(pushed_return[], moved_return[], ret_chain[], forward_indirect[], conditional_ret[], fpu_loop[], memory_loop[], mmio_loop[], port_loop[], divide_loop[]);
asm(".text\npushed_return: push $pushed_return\n ret\n"
    "moved_return: call moved_return_1\n ud2\nmoved_return_1: subl $5, (%esp)\n ret\n"
    "ret_chain: push $ret_chain\n push $ret_chain_1\n push $ret_chain_1\n ret\nret_chain_1: ret\n"
    "forward_indirect: mov $forward_indirect, %eax\n push $forward_indirect_1\n ret\n nop\nforward_indirect_1: push %eax\n ret\n"
    "conditional_ret: xor %eax, %eax\n push $conditional_ret\n jz 1f\n ud2\n1: ret\n"
    "fpu_loop: fldpi\n fsqrt\n fstp %st(0)\n jmp fpu_loop\n"
    "memory_loop: mov $1000, %ecx\n1: mov (%esp,%ecx), %eax\n xor %eax, -64(%esp)\n loop 1b\n jmp memory_loop\n"
    "mmio_loop: mov 0xb8000, %eax\n mov %eax, 0xb8000\n jmp mmio_loop\n"
    "port_loop: in $0x61, %al\n jmp port_loop\n"
    "divide_loop: mov $100, %eax\n cltd\n mov $7, %ecx\n idiv %ecx\n jmp divide_loop\n");
LABELS(self_jump[], long_loop[], call_ret[], indirect[], deep_calls[], two_blocks[], conditional[], string_loop[], mixed[], far_loop[], int_loop[]);
asm(".text\nself_jump: jmp self_jump\n"
    "long_loop: inc %eax\n add %eax, %ecx\n xor %ecx, %edx\n jmp long_loop\n"
    "call_ret: call call_ret_1\n jmp call_ret\ncall_ret_1: ret\n"
    "indirect: mov $indirect_1, %eax\n jmp *%eax\nindirect_1: mov $indirect, %ecx\n jmp *%ecx\n"
    "deep_calls: mov $50, %ecx\n call deep_calls_1\n jmp deep_calls\ndeep_calls_1: dec %ecx\n jz 1f\n call deep_calls_1\n1: ret\n"
    "two_blocks: jmp two_blocks_1\n nop\ntwo_blocks_1: jmp two_blocks\n"
    "conditional: mov $100, %ecx\n1: loop 1b\n test %ecx, %ecx\n jz conditional\n ud2\n"
    "string_loop: mov $0x400000, %edi\n mov $0x100000, %ecx\n xor %eax, %eax\n rep stosl\n jmp string_loop\n"
    "mixed: push %eax\n pop %ebx\n pushfl\n popfl\n mov %ds, %eax\n mov %eax, %ds\n call call_ret_1\n jmp mixed\n"
    "far_loop: ljmp $8, $far_loop\n"
    "int_loop: int $0x70\n jmp int_loop\nint_loop_handler: iretl\n");
extern const u8 int_loop_handler[];

static void endless_code(void) {
    static const struct {
        const char* name;
        const u8* code;
        bool kernel_only;
    } cases[] = {
        {"jmp to itself", self_jump, false}, {"an arithmetic loop", long_loop, false}, {"call and ret", call_ret, false},
        {"indirect jumps", indirect, false}, {"nested calls", deep_calls, false}, {"two blocks", two_blocks, false},
        {"conditional branches", conditional, false}, {"rep stosl of 4 MiB", string_loop, false}, {"pushf, popf, segment loads", mixed, false},
        {"a pushed address and ret", pushed_return, false}, {"a callee that returns to its call", moved_return, false},
        {"a chain of rets", ret_chain, false}, {"two pushed addresses", forward_indirect, false}, {"a forward jump to a ret", conditional_ret, false},
        {"x87 code", fpu_loop, false}, {"loads and stores", memory_loop, false}, {"device memory", mmio_loop, false},
        {"ports", port_loop, true}, {"divisions", divide_loop, false},
        {"far jumps", far_loop, true}, {"int and iret", int_loop, false},
    };
    set_idt_gate(0x70, SEL_KCODE, int_loop_handler, ATTR_TRAP32 | ATTR_DPL(3));
    for (u32 i = 0; i < sizeof cases / sizeof *cases; ++i)
        for (u32 user = 0; user < (cases[i].kernel_only ? 1 : 2); ++user)
            interrupted(user ? user_context(cases[i].code) : kernel_context(cases[i].code), named("%s, %s", cases[i].name, user ? "user" : "kernel"));
    reset_idt_gate(0x70);
    static const u8 v86_loop[] = {0x40, 0xeb, 0xfd};  // inc %ax; jmp -3
    static const u8 v86_done[] = {0xcd, VEC_DONE};
    memcpy((u8*)0x20000, v86_loop, sizeof v86_loop);
    memcpy((u8*)0x20100, v86_done, sizeof v86_done);
    struct context c = v86_context(0x2000, 0);
    c.eflags |= FLAG_IOPL(3);
    interrupted(c, "a loop in v86 mode");
}

// The instruction behind an STI that sets IF is run before any interrupt, also one that leads elsewhere.
LABELS(sti_call[], sti_call_shadow[], sti_jump[], sti_jump_shadow[], sti_loop[], sti_loop_shadow[]);
asm(".text\nsti_call: cli\n sti\nsti_call_shadow: call sti_call_1\n jmp sti_call\nsti_call_1: ret\n"
    "sti_jump: cli\n sti\nsti_jump_shadow: jmp sti_jump\n"
    "sti_loop: mov $2, %ecx\n cli\n sti\nsti_loop_shadow: loop sti_loop\n jmp sti_loop\n");
static u32 shadow, in_shadow;

static void on_timer_in_shadow(struct frame* f) {
    in_shadow += f->eip == shadow;
    on_timer(f);
}

static void behind_sti(void) {
    static const struct {
        const char* name;
        const u8 *code, *shadow;
    } cases[] = {{"a call on the next page", (u8*)0x2000ffe, (u8*)0x2001000}, {"call", sti_call, sti_call_shadow}, {"jmp", sti_jump, sti_jump_shadow}, {"loop", sti_loop, sti_loop_shadow}};
    // cli; sti | 1: call 2f; jmp back; 2: ret
    static const u8 astride[] = {0xfa, 0xfb, 0xe8, 2, 0, 0, 0, 0xeb, 0xf7, 0xc3};
    memcpy((u8*)cases[0].code, astride, sizeof astride);
    set_handler(VEC_IRQ, on_timer_in_shadow);
    for (u32 i = 0; i < sizeof cases / sizeof *cases; ++i) {
        ticks = in_shadow = 0;
        stop_after = 30;
        stop_at = (u32)stopped;
        shadow = (u32)cases[i].shadow;
        const struct context c = kernel_context(cases[i].code);
        start_timer(1000);
        const struct trap t = run(&c);
        check(t.vector == VEC_DONE && ticks == 30, "interrupted: cli, sti, %s", cases[i].name);
        check_equal(in_shadow, 0, "interrupts between sti and %s", cases[i].name);
    }
}

// The timer's handler uses the FPU for itself, as a kernel's context switch does.
static u8 fpu_area[512] __attribute__((aligned(16)));
static void with_fpu(struct frame* f) {
    (void)f;
    outb(0x20, 0x20);
    ++ticks;
    asm volatile("fxsave %0\n fninit\n fldl2e\n fldl2t\n fldz\n xorps %%xmm0, %%xmm0\n cmpeqps %%xmm1, %%xmm1\n fxrstor %0" : "+m"(fpu_area));
}
SNIPPET(fpu_sum, "fninit\n fldz\n fld1\n xorps %xmm0, %xmm0\n push $0x3f800000\n movss (%esp), %xmm1\n pop %eax\n mov $4000000, %ecx",
        "1: fadd %st(0), %st(1)\n fxch\n fxch\n addss %xmm1, %xmm0\n dec %ecx\n jnz 1b\n fstp %st(0)\n push %eax\n fistpl (%esp)\n pop %eax\n cvttss2si %xmm0, %ebx");
SNIPPET(mmx_sum, "pxor %mm0, %mm0\n push $1\n movd (%esp), %mm1\n pop %eax\n mov $4000000, %ecx", "1: paddd %mm1, %mm0\n dec %ecx\n jnz 1b\n movd %mm0, %eax\n emms");

static void undisturbed_fpu(void) {
    set_cr4(get_cr4() | CR4_OSFXSR);
    set_handler(VEC_IRQ, with_fpu);
    ticks = 0;
    start_timer(4000);
    u32 wrong = 0;
    for (u32 user = 0; user < 2; ++user) {
        struct context c = user ? user_context(fpu_sum) : kernel_context(fpu_sum);
        c.eflags |= FLAG_IF;
        struct trap t = run(&c);
        wrong += t.vector != VEC_DONE || t.at.eax != 4000000 || t.at.ebx != 4000000;
        c.eip = (u32)mmx_sum;
        t = run(&c);
        wrong += t.vector != VEC_DONE || t.at.eax != 4000000;
    }
    stop_timer();
    check(!wrong && ticks > 0, "x87, SSE and MMX registers survive interrupts that use them");
}

// A string instruction that is interrupted must go on as if nothing had been.
static void count_only(struct frame* f) {
    (void)f;
    outb(0x20, 0x20);
    ++ticks;
}
SNIPPET(copy_much, "nop", "rep movsb");
SNIPPET(scan_much, "nop", "repe scasb");

static void interrupted_strings(void) {
    u8 *from = (u8*)0x1000000, *to = (u8*)0x1800000;
    const u32 n = 0x700000;
    for (u32 i = 0; i < n / 4; ++i) ((u32*)from)[i] = i * 2654435761u;
    memset(to, 0, n);
    set_handler(VEC_IRQ, count_only);
    ticks = 0;
    start_timer(5000);
    struct context c;
    u32 wrong = 0;
    for (u32 round = 0; round < 20; ++round) {
        c = round & 1 ? user_context(copy_much) : kernel_context(copy_much);
        c.eflags |= FLAG_IF;
        c.ecx = n;
        c.esi = (u32)from;
        c.edi = (u32)to;
        const struct trap t = run(&c);
        wrong += t.vector != VEC_DONE || t.at.ecx != 0 || t.at.esi != (u32)from + n || t.at.edi != (u32)to + n;
    }
    check(!wrong && !memcmp(from, to, 4096) && !memcmp(from + n - 4096, to + n - 4096, 4096), "a long rep movsb under interrupts: registers and memory");
    check(ticks > 0, "a long rep movsb under interrupts: there were some");
    memset(to, 0x11, 0x100000);
    to[0xfffff] = 0x12;
    c = kernel_context(scan_much);
    c.eflags |= FLAG_IF;
    for (u32 round = 0; round < 20; ++round) {
        c.eax = 0x11;
        c.ecx = 0x200000;
        c.edi = (u32)to;
        const struct trap t = run(&c);
        wrong += t.at.edi != (u32)to + 0x100000 || t.at.ecx != 0x100000 || (t.at.eflags & FLAG_ZF);
    }
    stop_timer();
    check(!wrong, "a long repe scasb under interrupts");
}

// Arithmetic whose result an interrupt must not disturb: all registers and flags go through many of them.
SNIPPET(checksum, "mov $3000000, %ecx\n mov $1, %eax\n xor %edx, %edx\n stc", "1: adc %ecx, %eax\n rcl $3, %edx\n adc %eax, %edx\n sbb %edx, %esi\n adc $0x1234567, %edi\n bswap %edi\n adc %edi, %ebx\n dec %ecx\n jnz 1b\n pushfl\n pop %ebp");

static void undisturbed(void) {
    set_handler(VEC_IRQ, count_only);
    struct context c = user_context(checksum);
    const struct trap quiet = run(&c);
    c.eflags |= FLAG_IF;
    ticks = 0;
    start_timer(4000);
    const struct trap noisy = run(&c);
    struct trap more;
    u32 wrong = 0;
    for (u32 i = 0; i < 5; ++i) {
        more = run(&c);
        wrong += more.at.eax != quiet.at.eax || more.at.edx != quiet.at.edx;
    }
    stop_timer();
    check(!wrong && quiet.at.eax == noisy.at.eax && quiet.at.edx == noisy.at.edx && quiet.at.esi == noisy.at.esi && quiet.at.edi == noisy.at.edi &&
              quiet.at.ebx == noisy.at.ebx && (quiet.at.ebp & 0xcd5) == (noisy.at.ebp & 0xcd5), "registers and flags survive interrupts");
    check(ticks > 0, "and there were some");
}

static void sleeping(void) {
    set_handler(VEC_IRQ, count_only);
    ticks = 0;
    start_timer(1000);
    const u64 before = rdtsc();
    for (u32 i = 0; i < 20; ++i) asm volatile("sti\n hlt\n cli");
    const u64 after = rdtsc();
    stop_timer();
    check(ticks >= 20, "hlt sleeps until the timer, 20 times");
    check(after > before, "and time goes on");
    // A single shot as short as can be: lost if something looks at the wrong moment.
    u32 woken = 0;
    for (u32 i = 0; i < 300; ++i) {
        ticks = 0;
        outb(0x43, 0x30);
        outb(0x40, (u8)(1 + i)), outb(0x40, 0);
        asm volatile("sti\n hlt\n cli");
        woken += ticks == 1;
    }
    check_equal(woken, 300, "sti, hlt and a single short tick, 300 times");
}

static void log_irq(struct frame* f) {
    if (log_entries < sizeof log_vector) log_vector[log_entries++] = (u8)(f->vector - VEC_IRQ);
    if (f->vector >= VEC_IRQ + 8) outb(0xa0, 0x20);
    outb(0x20, 0x20);
    if (f->vector == VEC_IRQ + IRQ_KEYBOARD) inb(0x60);
    if (f->vector == VEC_IRQ + IRQ_TIMER) stop_timer();
    if (f->vector == VEC_IRQ + IRQ_CLOCK) {
        outb(0x70, 0x0c);
        inb(0x71);
    }
}

static u8 pending(void) {
    outb(0x20, 0x0a);
    return inb(0x20);
}

// The keyboard controller's own way to make an interrupt.
static void raise_keyboard(void) {
    while (inb(0x64) & 2) {}
    outb(0x64, 0xd2);
    while (inb(0x64) & 2) {}
    outb(0x60, 0x1e);
    for (u32 i = 0; i < 1000000 && !(pending() & 2); ++i) {}
}
static void raise_timer(void) {
    outb(0x43, 0x30);
    outb(0x40, 10), outb(0x40, 0);
    while (!(pending() & 1)) {}
}

static u32 noted_eip;
static void note_eip(struct frame* f) {
    outb(0x20, 0x20);
    stop_timer();
    noted_eip = f->eip;
    ++ticks;
}

SNIPPET(popf_lets_in, "pushl $0x202", "popfl");
SNIPPET(nothing_yet, "nop", "nop");

// An interrupt that waits comes right behind the instruction that sets IF, however often that has gone without one.
static void opened_by_iret_and_popf(void) {
    set_handler(VEC_IRQ, note_eip);
    const struct context iret[] = {kernel_context(nothing_yet), user_context(nothing_yet)};
    const struct context popf = kernel_context(popf_lets_in);
    u32 wrong = 0;
    for (u32 i = 0; i < 60; ++i) {
        const bool by_popf = i % 3 == 2, waits = i % 5 == 4;
        struct context c = by_popf ? popf : iret[i % 3];
        if (!by_popf) c.eflags |= FLAG_IF;
        ticks = 0;
        if (waits) raise_timer();
        const struct trap t = run(&c);
        const u32 at = (u32)(by_popf ? popf_lets_in_end : nothing_yet);
        wrong += t.vector != VEC_DONE || ticks != (waits ? 1 : 0) || (waits && noted_eip != at);
    }
    check(!wrong, "iret and popf let an interrupt in at once");
}

static void let_in(void) { asm volatile("sti\n nop\n nop\n nop\n cli"); }

static void priorities(void) {
    set_handler(VEC_IRQ, log_irq);
    set_handler(VEC_IRQ + 1, log_irq);
    set_handler(VEC_IRQ + 8, log_irq);
    set_up_pics(1 << IRQ_TIMER | 1 << IRQ_KEYBOARD | 1 << 2 | 1 << IRQ_CLOCK);
    while (inb(0x64) & 1) inb(0x60);
    outb(0x64, 0x60);
    outb(0x60, 0x61);  // interrupts on for the keyboard, translation
    log_entries = 0;
    raise_keyboard();
    check(pending() & 2, "the keyboard controller raises IRQ 1");
    raise_timer();
    let_in();
    check(log_entries == 2 && log_vector[0] == 0 && log_vector[1] == 1, "IRQ 0 before IRQ 1, whichever came first");
    // A masked line waits, and comes when it is unmasked.
    outb(0x21, 0xff);
    log_entries = 0;
    raise_timer();
    let_in();
    check_equal(log_entries, 0, "a masked line waits");
    outb(0x21, 0xfe);
    let_in();
    for (u32 i = 0; i < 1000000 && !log_entries; ++i) let_in();
    check(log_entries == 1 && log_vector[0] == 0, "and comes when it is unmasked");
    // The real-time clock behind the second controller.
    outb(0x21, 0xfb), outb(0xa1, 0xfe);
    log_entries = 0;
    outb(0x70, 0x0a), outb(0x71, 0x26);  // 1024 Hz
    outb(0x70, 0x0c), inb(0x71);
    outb(0x70, 0x0b);
    const u8 b = inb(0x71);
    outb(0x70, 0x0b), outb(0x71, b | 0x40);
    for (u32 i = 0; i < 5; ++i) asm volatile("sti\n hlt\n cli");
    outb(0x70, 0x0b), outb(0x71, b);
    check(log_entries >= 5 && log_vector[0] == IRQ_CLOCK, "the real-time clock's periodic interrupt");
    outb(0x70, 0x0c), inb(0x71);
    set_up_pics(1 << IRQ_TIMER);
}

// Without an end-of-interrupt nothing of equal or lower priority comes through.
static u32 nested;
static void without_eoi(struct frame* f) {
    (void)f;
    ++nested;
}
static void service(void) {
    set_up_pics(1 << IRQ_TIMER | 1 << IRQ_KEYBOARD);
    set_handler(VEC_IRQ, without_eoi);
    set_handler(VEC_IRQ + 1, without_eoi);
    nested = 0;
    raise_timer();
    let_in();
    check_equal(nested, 1, "one interrupt");
    outb(0x20, 0x0b);
    check_equal(inb(0x20), 1, "it is in service");
    outb(0x43, 0x30);
    outb(0x40, 10), outb(0x40, 0);
    raise_keyboard();
    let_in();
    check_equal(nested, 1, "nothing else until its end is told");
    outb(0x20, 0x20);
    let_in();
    check(nested >= 2, "then the next");
    outb(0x20, 0x20);
    inb(0x60);
    let_in();
    outb(0x20, 0x20);
    set_up_pics(1 << IRQ_TIMER);
}

static void timer_counts(void) {
    start_timer(100);
    u32 wrong = 0, last = 0x10000;
    for (u32 i = 0; i < 50; ++i) {
        outb(0x43, 0);
        const u32 low = inb(0x40), now = low | (u32)inb(0x40) << 8;
        wrong += now > 11931;
        if (now != last) last = now;
    }
    check(!wrong && last != 0x10000, "the latched count stays in its range");
    stop_timer();
}

// A loop without a jump back: it goes around the end of the address space.
static void around_four_gib(void) {
    u32* directory = new_directory();
    u8* last = new_page();
    *pte(directory, 0xfffff000) = (u32)last | PTE_USER;
    u8* const first = (u8*)0x8000;
    *pte(directory, 0) = (u32)first | PTE_USER;
    static const u8 forward[] = {0x40, 0xe9, 0xea, 0xff, 0xff, 0xff};  // inc %eax; jmp 0xfffffff0
    static const u8 astride[] = {0xb8, 0x90}, behind_astride[] = {0x90, 0x90, 0x90, 0xcd, VEC_DONE};  // mov $0x90909090, %eax; int
    memset(last, 0x90, PAGE);
    memcpy(first, forward, sizeof forward);
    paging_on(directory);
    interrupted(kernel_context((void*)0xfffffff0), "code that goes around 4 GiB, kernel");
    interrupted(user_context((void*)0xfffffff0), "code that goes around 4 GiB, user");
    memcpy(last + PAGE - sizeof astride, astride, sizeof astride);
    memcpy(first, behind_astride, sizeof behind_astride);
    u32 wrong = 0;
    for (u32 n = 0; n < 20; ++n) {
        const struct trap k = run_kernel((void*)0xfffffff0), u = run_user((void*)0xfffffff0);
        wrong += k.vector != VEC_GP || k.at.eip != 0xfffffffe || u.vector != VEC_GP || u.at.eip != 0xfffffffe;
    }
    check(!wrong, "an instruction astride 4 GiB goes beyond the limit of CS");
    paging_off();
}

int main(void) {
    stop_timer();
    set_up_pics(1 << IRQ_TIMER);
    endless_code();
    around_four_gib();
    behind_sti();
    undisturbed();
    undisturbed_fpu();
    interrupted_strings();
    sleeping();
    opened_by_iret_and_popf();
    priorities();
    service();
    timer_counts();
    return 0;
}
