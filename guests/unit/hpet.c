// The high precision event timers: the counter against the time-stamp counter, comparators once and again, levels, and the
// places of the 8254 and the RTC.
#include "apic.h"
#include "interrupts.h"
#include "trap.h"

#define HPET_BASE 0xfed00000u
enum { ID = 0, PERIOD = 4, CONFIG = 0x10, STATUS = 0x20, COUNTER = 0xf0, TIMER = 0x100, ROUTES = 4, COMPARATOR = 8 };
enum { ENABLE = 1, LEGACY = 2 };
enum { LEVEL = 2, INTERRUPT = 4, PERIODIC = 8, SET_VALUE = 0x40, AS_32_BIT = 0x100 };
enum { VEC_PIN = 0x91, VEC_SPURIOUS = 0xff };

static u32 count;

static u32 get(u32 offset) { return *(volatile u32*)(HPET_BASE + offset); }
static void put(u32 offset, u32 value) { *(volatile u32*)(HPET_BASE + offset) = value; }
static u32 timer(u32 n) { return TIMER + 0x20 * n; }
static u32 ticks_of(u32 microseconds) { return (u32)(1000000000u / get(PERIOD)) * microseconds; }
static void set_comparator(u32 n, u32 value) { put(timer(n) + COMPARATOR, value), put(timer(n) + COMPARATOR + 4, 0); }
// Comparators are set while it stands, so that none is passed before.
static void stand_at_zero(void) {
    put(CONFIG, 0);
    put(COUNTER, 0), put(COUNTER + 4, 0);
}
static void let_in(void) { asm volatile("sti\n nop\n nop\n nop\n cli" ::: "memory"); }
static void sleep_until(u32 wanted) {
    while (count < wanted) asm volatile("sti\n hlt\n cli" ::: "memory");
}

static void on_pin(struct frame* f) {
    (void)f;
    ++count;
    put(STATUS, 7);
    apic_write(APIC_EOI, 0);
}
static void on_pic(struct frame* f) {
    ++count;
    if (f->vector >= VEC_IRQ + 8) outb(0xa0, 0x20);
    outb(0x20, 0x20);
}

// QEMU's 8254 needs a count to come to rest.
static void rest_timer(void) { outb(0x43, 0x30), outb(0x40, 1), outb(0x40, 0); }

static void presence(void) {
    check_equal(get(ID) >> 16, 0x8086, "its maker");
    check((get(ID) >> 8 & 0x1f) == 2 && get(ID) & 1u << 13 && get(ID) & 1u << 15, "three timers, 64 bits, legacy replacement");
    check(get(PERIOD) > 0 && get(PERIOD) <= 100000000, "its period is at most 100 ns");
    check(get(timer(0)) & 0x10 && get(timer(0)) & 0x20, "timer 0 can repeat, with 64 bits");
    check(get(timer(0) + ROUTES) != 0, "it can be led to the I/O APIC");
}

static void counter(void) {
    stand_at_zero();
    check_equal(get(COUNTER), 0, "the counter stands still until it is told to run");
    put(CONFIG, ENABLE);
    const u32 first = get(COUNTER);
    for (volatile u32 i = 0; i < 100000; ++i) {}
    check(get(COUNTER) > first, "then it runs");
    put(CONFIG, 0);
    const u32 stopped = get(COUNTER);
    for (volatile u32 i = 0; i < 1000; ++i) {}
    check_equal(get(COUNTER), stopped, "and stands still again");
    put(COUNTER, 0xfffffff0), put(COUNTER + 4, 7);
    check(get(COUNTER) == 0xfffffff0 && get(COUNTER + 4) == 7, "it can be set");
    put(CONFIG, ENABLE);
    for (volatile u32 i = 0; i < 100000; ++i) {}
    check_equal(get(COUNTER + 4), 8, "it carries into its upper half");
}

static void comparators(void) {
    u32 pin = 0;
    while (!(get(timer(2) + ROUTES) >> pin & 1)) ++pin;
    const u32 route = pin << 9;
    set_handler(VEC_PIN, on_pin);
    redirect(pin, VEC_PIN);
    stand_at_zero();
    count = 0;
    put(timer(2), INTERRUPT | AS_32_BIT | route);
    set_comparator(2, ticks_of(100000));
    put(CONFIG, ENABLE);
    let_in();
    check_equal(count, 0, "a comparator waits for its count");
    sleep_until(1);
    check(get(COUNTER) >= ticks_of(100000), "and matches then");
    check_equal(get(STATUS), 0, "an edge has no status");
    put(timer(2), 0);

    stand_at_zero();
    count = 0;
    put(timer(1), INTERRUPT | PERIODIC | SET_VALUE | AS_32_BIT | route);
    set_comparator(1, ticks_of(1000));
    put(timer(1) + COMPARATOR, ticks_of(500));
    put(CONFIG, ENABLE);
    sleep_until(10);
    // Ticks that nobody saw are one.
    check(get(COUNTER) >= ticks_of(5500), "one that repeats comes ten times");
    put(timer(1), 0);

    redirect(pin, VEC_PIN | IO_LEVEL);
    stand_at_zero();
    count = 0;
    put(timer(0), INTERRUPT | LEVEL | AS_32_BIT | route);
    set_comparator(0, ticks_of(1000));
    put(CONFIG, ENABLE);
    while (!(get(STATUS) & 1)) {}
    check(apic_bit(APIC_IRR, VEC_PIN) && apic_bit(APIC_TMR, VEC_PIN), "a level");
    let_in();
    let_in();
    check_equal(count, 1, "it goes with its status");
    put(timer(0), 0);
    redirect(pin, LVT_MASKED);
}

static void replacement(void) {
    set_up_pics(0x105);
    apic_write(APIC_LINT0, 0x700);
    set_handler(VEC_IRQ, on_pic), set_handler(VEC_IRQ + 8, on_pic);
    stand_at_zero();
    put(CONFIG, ENABLE | LEGACY);
    count = 0;
    start_timer(2000);
    for (u32 i = 0; i < 100; ++i) {
        for (volatile u32 n = 0; n < 10000; ++n) {}
        let_in();
    }
    check_equal(count, 0, "the 8254 is cut off");
    rest_timer();
    stand_at_zero();
    let_in();  // what came of it until then
    count = 0;
    put(timer(0), INTERRUPT | PERIODIC | SET_VALUE | AS_32_BIT);
    set_comparator(0, ticks_of(1000));
    put(timer(0) + COMPARATOR, ticks_of(1000));
    put(CONFIG, ENABLE | LEGACY);
    sleep_until(5);
    check(get(COUNTER) >= ticks_of(5000), "timer 0 is IRQ 0");
    put(timer(0), 0);
    stand_at_zero();
    let_in();
    count = 0;
    put(timer(1), INTERRUPT | AS_32_BIT);
    set_comparator(1, ticks_of(1000));
    put(CONFIG, ENABLE | LEGACY);
    sleep_until(1);
    check(get(COUNTER) >= ticks_of(1000), "timer 1 is IRQ 8");
    put(timer(1), 0);
    put(CONFIG, 0);
    count = 0;
    start_timer(1000);
    sleep_until(3);
    check(count >= 3, "and the 8254 is back");
    stop_timer();
}

int main(void) {
    rest_timer();
    set_up_pics(0);
    apic_write(APIC_SPURIOUS, 0x100 | VEC_SPURIOUS);
    apic_write(APIC_LINT0, 0x700 | LVT_MASKED);
    presence();
    counter();
    comparators();
    replacement();
    return 0;
}
