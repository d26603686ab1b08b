// The local APIC and the I/O APIC, as far as tests need them.
#pragma once

#include "x86.h"

#define MSR_APIC_BASE 0x1b
#define APIC_BASE 0xfee00000u
#define IO_APIC_BASE 0xfec00000u
enum {
    APIC_ID = 0x20, APIC_VERSION = 0x30, APIC_TPR = 0x80, APIC_PPR = 0xa0, APIC_EOI = 0xb0, APIC_LDR = 0xd0, APIC_DFR = 0xe0,
    APIC_SPURIOUS = 0xf0, APIC_ISR = 0x100, APIC_TMR = 0x180, APIC_IRR = 0x200, APIC_ESR = 0x280, APIC_ICR = 0x300,
    APIC_ICR_HIGH = 0x310, APIC_LVT_TIMER = 0x320, APIC_LINT0 = 0x350, APIC_LINT1 = 0x360, APIC_LVT_ERROR = 0x370,
    APIC_INITIAL = 0x380, APIC_CURRENT = 0x390, APIC_DIVIDE = 0x3e0,
};
#define LVT_MASKED (1u << 16)
#define LVT_PERIODIC (1u << 17)
#define IO_LEVEL (1u << 15)
#define ICR_SELF 0x44000u  // fixed, to itself
#define ICR_NMI_ALL 0x84400u

static inline u32 apic_read(u32 offset) { return *(volatile u32*)(APIC_BASE + offset); }
static inline void apic_write(u32 offset, u32 value) { *(volatile u32*)(APIC_BASE + offset) = value; }
static inline bool apic_bit(u32 set, u8 vector) { return apic_read(set + vector / 32 * 16) >> vector % 32 & 1; }

static inline u32 io_apic_read(u32 number) {
    *(volatile u32*)IO_APIC_BASE = number;
    return *(volatile u32*)(IO_APIC_BASE + 0x10);
}
static inline void io_apic_write(u32 number, u32 value) {
    *(volatile u32*)IO_APIC_BASE = number;
    *(volatile u32*)(IO_APIC_BASE + 0x10) = value;
}
static inline void redirect(u32 pin, u32 low) {
    io_apic_write(0x11 + 2 * pin, 0);
    io_apic_write(0x10 + 2 * pin, low);
}
