// The local APIC and the I/O APIC beside the two 8259: interrupts by each way, their order, the APIC's timer, and NMI.
#include "apic.h"
#include "interrupts.h"
#include "paging.h"
#include "trap.h"

enum { VEC_LOW = 0x31, VEC_LOW2 = 0x38, VEC_HIGH = 0x61, VEC_TIMER = 0x81, VEC_PIN = 0x91, VEC_SPURIOUS = 0xff };
#define IRQ_KEYBOARD 1
#define PIN_TIMER 2

static u32 count, entries;
static u8 came[64];

static void end(struct frame* f) {
    if (entries < sizeof came) came[entries++] = (u8)f->vector;
    ++count;
    apic_write(APIC_EOI, 0);
}

static void let_in(void) { asm volatile("sti\n nop\n nop\n nop\n cli" ::: "memory"); }
static void ipi(u8 vector) { apic_write(APIC_ICR, ICR_SELF | vector); }
static void forget(void) { count = entries = 0; }

static void presence(void) {
    check(cpuid(1).edx >> 9 & 1, "CPUID tells of a local APIC");
    check_equal((u32)rdmsr(MSR_APIC_BASE) & 0xfffff900, APIC_BASE | 0x900, "IA32_APIC_BASE: enabled, of the first processor");
    check((apic_read(APIC_VERSION) & 0xf0) == 0x10 && (apic_read(APIC_VERSION) >> 16 & 0xff) >= 4, "the local APIC's version");
    check_equal(io_apic_read(1) >> 16, 23, "the I/O APIC has 24 pins");
    check_equal(apic_read(APIC_DFR), 0xffffffff, "DFR: flat");
}

// Firmware, or what stands in for it, has led the 8259 pair's output through.
static void count_pic(struct frame* f) {
    (void)f;
    outb(0x20, 0x20);
    ++count;
}
static void virtual_wire(void) {
    set_up_pics(1);
    set_handler(VEC_IRQ, count_pic);
    forget();
    start_timer(1000);
    for (u32 i = 0; i < 5; ++i) asm volatile("sti\n hlt\n cli");
    check(count >= 5, "the 8259 pair through LINT0");
    apic_write(APIC_SPURIOUS, 0x100 | VEC_SPURIOUS);
    apic_write(APIC_LINT0, 0x700);
    forget();
    for (u32 i = 0; i < 5; ++i) asm volatile("sti\n hlt\n cli");
    check(count >= 5, "... and set up anew");
    stop_timer();
    apic_write(APIC_LINT0, 0x700 | LVT_MASKED);
    forget();
    outb(0x43, 0x30), outb(0x40, 10), outb(0x40, 0);
    for (u32 i = 0; i < 100000; ++i) inb(0x80);
    let_in();
    check_equal(count, 0, "... and masked");
    set_up_pics(0);
}

static void priorities(void) {
    set_handler(VEC_LOW, end), set_handler(VEC_LOW2, end), set_handler(VEC_HIGH, end);
    forget();
    ipi(VEC_LOW), ipi(VEC_HIGH), ipi(VEC_LOW2);
    check(apic_bit(APIC_IRR, VEC_LOW) && apic_bit(APIC_IRR, VEC_HIGH), "requests wait while IF is clear");
    check_equal(count, 0, "... and wait");
    let_in();
    check(entries == 3 && came[0] == VEC_HIGH && came[1] == VEC_LOW2 && came[2] == VEC_LOW, "the highest vector first");
    forget();
    apic_write(APIC_TPR, 0x40);
    ipi(VEC_LOW), ipi(VEC_HIGH);
    let_in();
    check(entries == 1 && came[0] == VEC_HIGH, "TPR holds back what is below");
    check_equal(apic_read(APIC_PPR), 0x40, "PPR is TPR");
    apic_write(APIC_TPR, 0);
    let_in();
    check(entries == 2 && came[1] == VEC_LOW, "... and lets it in");
}

static u32 served, inner_isr;
static void nest(struct frame* f) {
    (void)f;
    ++served;
    if (served == 1) {
        ipi(VEC_LOW2), ipi(VEC_HIGH);
        let_in();
        inner_isr = apic_bit(APIC_ISR, VEC_LOW);
    }
    apic_write(APIC_EOI, 0);
}
static void nesting(void) {
    set_handler(VEC_LOW, nest);
    forget();
    served = 0;
    ipi(VEC_LOW);
    let_in();
    check(inner_isr, "ISR tells what is in service");
    check(entries == 2 && came[0] == VEC_HIGH && came[1] == VEC_LOW2, "a higher class interrupts, the same class waits for the end");
    set_handler(VEC_LOW, end);
}

static void destinations(void) {
    forget();
    apic_write(APIC_LDR, 0x04000000);
    apic_write(APIC_ICR_HIGH, 0x06000000);
    apic_write(APIC_ICR, 0x4800 | VEC_LOW);
    let_in();
    check_equal(count, 1, "a logical destination");
    apic_write(APIC_ICR_HIGH, 0x03000000);
    apic_write(APIC_ICR, 0x4800 | VEC_LOW);
    apic_write(APIC_ICR, 0xc4000 | VEC_LOW);
    let_in();
    check_equal(count, 1, "others' interrupts");
    apic_write(APIC_ICR_HIGH, apic_read(APIC_ID) & 0xff000000);
    apic_write(APIC_ICR, 0x4000 | VEC_LOW);
    let_in();
    check_equal(count, 2, "a physical destination");
    check(!(apic_read(APIC_ICR) & 0x1000), "it is on its way no more");
    apic_write(APIC_ICR_HIGH, 0x01000000);
    apic_write(APIC_ICR, 0x4005);
    apic_write(APIC_ESR, 0);
    check_equal(apic_read(APIC_ESR) & 0x20, 0x20, "an illegal vector is an error");
    apic_write(APIC_ESR, 0);
    check_equal(apic_read(APIC_ESR), 0, "... until the next");
}

// --- the timer -------------------------------------------------------------------------------------------------

static u32 ticks, stop_at;
static void on_tick(struct frame* f) {
    apic_write(APIC_EOI, 0);
    if (++ticks != 10) return;  // one more may wait
    apic_write(APIC_LVT_TIMER, LVT_MASKED);
    f->eip = stop_at;
    f->eflags &= ~FLAG_IF;
}
asm(".text\nstopped: int $0x50\n"
    "jump_loop: jmp jump_loop\n"
    "call_loop: call 1f\n jmp call_loop\n1: ret\n"
    "device_loop: mov 0xfee00020, %eax\n jmp device_loop\n"
    "flag_loop: pushfl\n popfl\n sti\n jmp flag_loop\n");
extern const u8 stopped[], jump_loop[], call_loop[], device_loop[], flag_loop[];

static void endless(const u8* code, bool user, const char* name) {
    struct context c = user ? user_context(code) : kernel_context(code);
    c.eflags |= FLAG_IF;
    ticks = 0;
    stop_at = (u32)stopped;
    apic_write(APIC_LVT_TIMER, LVT_PERIODIC | VEC_TIMER);
    apic_write(APIC_INITIAL, 20000);
    const struct trap t = run(&c);
    apic_write(APIC_INITIAL, 0);
    check(t.vector == VEC_DONE && ticks == 10, "the timer interrupts %s", name);
}

// The APIC's ticks while counter 2 of the 8254 runs 5 ms; more if the host was busy elsewhere.
static u32 counted(u32 divide) {
    apic_write(APIC_DIVIDE, divide);
    outb(0x61, (inb(0x61) & ~2) | 1);
    outb(0x43, 0xb0), outb(0x42, 0x4e), outb(0x42, 0x17);
    apic_write(APIC_INITIAL, 0xffffffff);
    while (!(inb(0x61) & 0x20)) {}
    return 0xffffffff - apic_read(APIC_CURRENT);
}

static void timer(void) {
    set_handler(VEC_TIMER, end);
    apic_write(APIC_DIVIDE, 0xb);
    forget();
    u32 woken = 0;
    for (u32 i = 0; i < 200; ++i) {
        const u32 before = count;
        apic_write(APIC_LVT_TIMER, VEC_TIMER);
        apic_write(APIC_INITIAL, 1 + i * 50);
        asm volatile("sti\n hlt\n cli" ::: "memory");
        woken += count == before + 1;
    }
    check_equal(woken, 200, "sti, hlt and a single tick, 200 times");
    check_equal(apic_read(APIC_CURRENT), 0, "a single shot ends at zero");
    apic_write(APIC_LVT_TIMER, LVT_MASKED | VEC_TIMER);
    apic_write(APIC_INITIAL, 0xffffffff);
    const u32 first = apic_read(APIC_CURRENT);
    for (u32 i = 0; i < 1000; ++i) inb(0x80);
    check(first > apic_read(APIC_CURRENT), "it counts down, masked too");
    bool slower = false;
    for (u32 i = 0; i < 20 && !slower; ++i) {
        const u32 by_1 = counted(0xb), by_16 = counted(0x3);
        slower = by_1 / 16 > by_16 / 2 && by_1 / 16 < by_16 * 2;
    }
    check(slower, "dividing by 16 is slower by 16");
    apic_write(APIC_DIVIDE, 0xb);
    set_handler(VEC_TIMER, on_tick);
    endless(jump_loop, false, "a jmp to itself");
    endless(jump_loop, true, "a jmp to itself, user");
    endless(call_loop, false, "call and ret");
    endless(call_loop, true, "call and ret, user");
    endless(device_loop, false, "reads of the APIC");
    endless(flag_loop, false, "pushf, popf, sti");
}

// --- the I/O APIC ------------------------------------------------------------------------------------------------

static void shoot_timer(void) { outb(0x43, 0x30), outb(0x40, 10), outb(0x40, 0); }
static void wait_a_little(void) {
    for (u32 i = 0; i < 100000; ++i) inb(0x80);
}
static void raise_keyboard(void) {
    while (inb(0x64) & 2) {}
    outb(0x64, 0xd2);
    while (inb(0x64) & 2) {}
    outb(0x60, 0x1e);
    while (!(inb(0x64) & 1)) {}
}

static u32 level_goes_after;
static void on_level(struct frame* f) {
    if (count >= level_goes_after) inb(0x60);
    end(f);
}

static void pins(void) {
    set_handler(VEC_PIN, end);
    forget();
    redirect(PIN_TIMER, VEC_PIN | LVT_MASKED);
    shoot_timer();
    wait_a_little();
    redirect(PIN_TIMER, VEC_PIN);
    let_in();
    check_equal(count, 0, "an edge at a masked pin is lost");
    shoot_timer();
    for (u32 i = 0; i < 100 && !count; ++i) wait_a_little(), let_in();
    check_equal(count, 1, "the 8254 at pin 2");
    check(!apic_bit(APIC_TMR, VEC_PIN), "TMR: an edge");
    start_timer(1000);
    for (u32 i = 0; i < 10; ++i) asm volatile("sti\n hlt\n cli" ::: "memory");
    check(count >= 11, "hlt sleeps until the pin rises");
    stop_timer();
    redirect(PIN_TIMER, LVT_MASKED);

    while (inb(0x64) & 1) inb(0x60);
    outb(0x64, 0x60);
    while (inb(0x64) & 2) {}
    outb(0x60, 0x61);  // interrupts on for the keyboard, translation
    set_handler(VEC_PIN, on_level);
    forget();
    level_goes_after = 3;
    redirect(IRQ_KEYBOARD, VEC_PIN | IO_LEVEL);
    raise_keyboard();
    for (u32 i = 0; i < 100 && !apic_bit(APIC_IRR, VEC_PIN); ++i) wait_a_little();
    check(apic_bit(APIC_TMR, VEC_PIN), "TMR: a level");
    check(io_apic_read(0x10 + 2 * IRQ_KEYBOARD) & 1u << 14, "remote IRR until its end");
    for (u32 i = 0; i < 10; ++i) let_in();
    check_equal(count, 4, "a level comes again until it has gone");
    check(!(io_apic_read(0x10 + 2 * IRQ_KEYBOARD) & 1u << 14), "remote IRR is clear then");
    redirect(IRQ_KEYBOARD, LVT_MASKED);
}

// --- NMI -----------------------------------------------------------------------------------------------------------

static volatile u32 nmis, nested_nmis, depth;
static void on_nmi(struct frame* f) {
    (void)f;
    ++nmis;
    if (depth++) ++nested_nmis;
    if (nmis == 3) {
        apic_write(APIC_ICR, ICR_NMI_ALL);  // waits for IRET
        for (volatile u32 i = 0; i < 1000; ++i) {}
    }
    --depth;
}
static void on_paired_nmi(struct frame* f) {
    (void)f;
    if (++nmis == 1) apic_write(APIC_ICR, ICR_NMI_ALL);
}
static void non_maskable(void) {
    set_handler(VEC_NMI, on_nmi);
    for (u32 i = 1; i <= 2; ++i) {
        apic_write(APIC_ICR, ICR_NMI_ALL);
        for (volatile u32 n = 0; n < 100; ++n) {}
        check_equal(nmis, i, "an NMI with IF clear");
    }
    apic_write(APIC_ICR, ICR_NMI_ALL);
    for (volatile u32 n = 0; n < 100; ++n) {}
    check_equal(nmis, 4, "two NMIs");
    check_equal(nested_nmis, 0, "the second waits for IRET");
    // Not a moment longer, however often that IRET has run.
    set_handler(VEC_NMI, on_paired_nmi);
    u32 late = 0;
    for (u32 i = 0; i < 200; ++i) {
        nmis = 0;
        apic_write(APIC_ICR, ICR_NMI_ALL);
        for (volatile u32 n = 0; n < 100; ++n) {}
        late += nmis != 2;
    }
    check(!late, "an NMI that waits for IRET comes right behind it");
}

// --- where it is -----------------------------------------------------------------------------------------------------

SNIPPET(reserved_bit, "mov $0x1b, %ecx\n rdmsr\n or $1, %eax", "wrmsr");

static void base(void) {
    const struct trap t = run_kernel(reserved_bit);
    expect(&t, VEC_GP, 0, reserved_bit_at, "IA32_APIC_BASE: a reserved bit");
    apic_write(APIC_TPR, 0x30);
    wrmsr(MSR_APIC_BASE, 0xfed80000 | 0x900);
    check_equal(*(volatile u32*)(0xfed80000 + APIC_TPR), 0x30, "the registers at another address");
    check(apic_read(APIC_VERSION) == 0xffffffff, "and nothing where they were");
    wrmsr(MSR_APIC_BASE, APIC_BASE | 0x900);
    check_equal(apic_read(APIC_TPR), 0x30, "and back");
    wrmsr(MSR_APIC_BASE, APIC_BASE | 0x100);
    check(!(cpuid(1).edx >> 9 & 1), "switched off: CPUID tells of none");
    set_up_pics(1);
    set_handler(VEC_IRQ, count_pic);
    forget();
    start_timer(1000);
    for (u32 i = 0; i < 100 && count < 5; ++i) wait_a_little(), let_in();
    check(count >= 5, "... and the 8259 pair is the CPU's");
    stop_timer();
    wrmsr(MSR_APIC_BASE, APIC_BASE | 0x900);
    check(cpuid(1).edx >> 9 & 1, "switched on again");
    check_equal(apic_read(APIC_TPR), 0, "... as after power-on");
}

int main(void) {
    stop_timer();
    presence();
    virtual_wire();
    priorities();
    nesting();
    destinations();
    timer();
    pins();
    non_maskable();
    base();
    return 0;
}
