// Builds the GDT, the LDT, the IDT and the two tasks that every guest program starts with.
#include "descriptors.h"

#include "trap.h"

u64 gdt[64] __attribute__((aligned(8))), idt[256] __attribute__((aligned(8))), ldt[32] __attribute__((aligned(8)));
struct tss main_tss __attribute__((aligned(128))), double_fault_tss __attribute__((aligned(128)));
static u8 trap_stack[8192] __attribute__((aligned(16))), double_fault_stack[4096] __attribute__((aligned(16)));

u64 make_segment(u32 base, u32 limit, u32 attributes) {
    return (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)attributes << 40 |
           (u64)(limit >> 16 & 0xf) << 48 | (u64)(base >> 24) << 56;
}

u64 make_gate(u16 selector, u32 offset, u32 attributes, u32 parameters) {
    return (offset & 0xffff) | (u64)selector << 16 | (u64)(parameters & 0x1f) << 32 | (u64)attributes << 40 |
           (u64)(offset >> 16) << 48;
}

u64* descriptor(u16 selector) { return (selector & 4 ? ldt : gdt) + selector / 8; }

void set_segment(u16 selector, u32 base, u32 limit, u32 attributes) {
    *descriptor(selector) = make_segment(base, limit, attributes);
}

void set_call_gate(u16 selector, u16 code, const void* entry, u32 attributes, u32 parameters) {
    *descriptor(selector) = make_gate(code, (u32)entry, attributes, parameters);
}

void set_idt_gate(u8 vector, u16 code, const void* entry, u32 attributes) {
    idt[vector] = make_gate(code, (u32)entry, attributes, 0);
}

void reset_idt_gate(u8 vector) {
    const bool for_users = vector == 3 || vector == 4 || vector == VEC_DONE || vector == 0x80;
    if (vector == VEC_DF)
        idt[vector] = make_gate(SEL_DF_TSS, 0, ATTR_TASK_GATE, 0);
    else
        set_idt_gate(vector, SEL_KCODE, trap_stub(vector), ATTR_INT32 | ATTR_DPL(for_users ? 3 : 0));
}

struct table_register {
    u16 limit;
    u32 base;
} __attribute__((packed));

void load_gdt(const void* base, u16 limit) {
    const struct table_register r = {limit, (u32)base};
    asm volatile("lgdt %0" ::"m"(r) : "memory");
}

void load_idt(const void* base, u16 limit) {
    const struct table_register r = {limit, (u32)base};
    asm volatile("lidt %0" ::"m"(r) : "memory");
}

void reload_task(void) {
    set_segment(SEL_TSS, (u32)&main_tss, sizeof main_tss - 1, ATTR_TSS32);
    load_tr(SEL_TSS);
}

static void setup_tasks(void) {
    main_tss.esp0 = (u32)(trap_stack + sizeof trap_stack);
    main_tss.ss0 = SEL_KDATA;
    main_tss.io_map = sizeof main_tss;
    double_fault_tss = main_tss;
    double_fault_tss.eip = (u32)double_fault_entry;
    double_fault_tss.cs = SEL_KCODE;
    double_fault_tss.ss = double_fault_tss.ds = double_fault_tss.es = SEL_KDATA;
    double_fault_tss.esp = (u32)(double_fault_stack + sizeof double_fault_stack);
    double_fault_tss.eflags = FLAG_ONE;
    set_segment(SEL_DF_TSS, (u32)&double_fault_tss, sizeof double_fault_tss - 1, ATTR_TSS32);
}

void setup_descriptors(void) {
    const u32 flat = ATTR_32 | ATTR_PAGES;
    set_segment(SEL_KCODE, 0, 0xfffff, ATTR_CODE | flat);
    set_segment(SEL_KDATA, 0, 0xfffff, ATTR_DATA | flat);
    set_segment(SEL_UCODE, 0, 0xfffff, ATTR_CODE | ATTR_DPL(3) | flat);
    set_segment(SEL_UDATA, 0, 0xfffff, ATTR_DATA | ATTR_DPL(3) | flat);
    set_segment(SEL_LDT, (u32)ldt, sizeof ldt - 1, ATTR_LDT);
    setup_tasks();
    load_gdt(gdt, sizeof gdt - 1);
    asm volatile("ljmp %0, $1f\n1: mov %1, %%ds\n mov %1, %%es\n mov %1, %%fs\n mov %1, %%gs\n mov %1, %%ss"
                 ::"i"(SEL_KCODE), "r"(SEL_KDATA) : "memory");
    for (u32 v = 0; v < 256; ++v) reset_idt_gate((u8)v);
    load_idt(idt, sizeof idt - 1);
    load_ldt(SEL_LDT);
    reload_task();
}
