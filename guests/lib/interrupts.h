// The two interrupt controllers and the timer, as far as tests need them.
#pragma once

#include "trap.h"
#include "x86.h"

// Vectors from VEC_IRQ on; only the lines in `open` get through.
static inline void set_up_pics(u16 open) {
    outb(0x20, 0x11), outb(0x21, VEC_IRQ), outb(0x21, 4), outb(0x21, 1);
    outb(0xa0, 0x11), outb(0xa1, VEC_IRQ + 8), outb(0xa1, 2), outb(0xa1, 1);
    outb(0x21, (u8)~open), outb(0xa1, (u8)(~open >> 8));
}
static inline void start_timer(u32 hertz) {
    const u32 count = 1193182 / hertz;
    outb(0x43, 0x34);
    outb(0x40, (u8)count), outb(0x40, (u8)(count >> 8));
}
static inline void stop_timer(void) { outb(0x43, 0x30); }
