// The descriptor tables: what start-up puts there, and how a test makes its own segments, gates and tasks.
#pragma once

#include "x86.h"

enum {
    SEL_NULL = 0x00,
    SEL_KCODE = 0x08,  // this order, because SYSENTER and SYSEXIT count on it
    SEL_KDATA = 0x10,
    SEL_UCODE = 0x18 | 3,
    SEL_UDATA = 0x20 | 3,
    SEL_TSS = 0x28,
    SEL_DF_TSS = 0x30,
    SEL_LDT = 0x38,
    SEL_TEST = 0x40,   // from here to SEL_TEST_END the tests' own
    SEL_TEST_END = 0x200,
};

// Descriptor bits 40 to 55: attributes as `lar` shows them, shifted right by 8.
#define ATTR_ACCESSED 0x0001
#define ATTR_DATA 0x0092      // present, writable
#define ATTR_DATA_RO 0x0090
#define ATTR_DATA_DOWN 0x0096
#define ATTR_CODE 0x009a      // present, readable
#define ATTR_CODE_XO 0x0098
#define ATTR_CONFORMING 0x009e
#define ATTR_LDT 0x0082
#define ATTR_TASK_GATE 0x0085
#define ATTR_TSS16 0x0081
#define ATTR_TSS32 0x0089
#define ATTR_TSS32_BUSY 0x008b
#define ATTR_CALL16 0x0084
#define ATTR_CALL32 0x008c
#define ATTR_INT16 0x0086
#define ATTR_TRAP16 0x0087
#define ATTR_INT32 0x008e
#define ATTR_TRAP32 0x008f
#define ATTR_PRESENT 0x0080
#define ATTR_DPL(n) ((n) << 5)
#define ATTR_32 0x4000
#define ATTR_PAGES 0x8000     // the limit counts 4 KiB pages

struct tss {
    u32 link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags;
    u32 eax, ecx, edx, ebx, esp, ebp, esi, edi;
    u32 es, cs, ss, ds, fs, gs, ldt;
    u16 trap, io_map;
};
_Static_assert(sizeof(struct tss) == 104, "SDM volume 3, figure 8-2");

extern u64 gdt[64], idt[256], ldt[32];
extern struct tss main_tss, double_fault_tss;

u64 make_segment(u32 base, u32 limit, u32 attributes);         // `limit` as stored: 20 bits
u64 make_gate(u16 selector, u32 offset, u32 attributes, u32 parameters);

// In the GDT, or in the LDT if the selector's TI bit is set.
u64* descriptor(u16 selector);
void set_segment(u16 selector, u32 base, u32 limit, u32 attributes);
void set_call_gate(u16 selector, u16 code, const void* entry, u32 attributes, u32 parameters);
void set_idt_gate(u8 vector, u16 code, const void* entry, u32 attributes);
// Back to the gate that ends in run(); see trap.h.
void reset_idt_gate(u8 vector);

void load_gdt(const void* base, u16 limit);
void load_idt(const void* base, u16 limit);
static inline void load_ldt(u16 selector) { asm volatile("lldt %0" ::"rm"(selector) : "memory"); }
static inline void load_tr(u16 selector) { asm volatile("ltr %0" ::"rm"(selector) : "memory"); }
void reload_task(void);  // after anything that may have left TR or the TSS's descriptor in another state

void setup_descriptors(void);
