// The GDT, the LDT and the IDT, in frames; and descriptors and gates in them that random code may meet.
#include "stress.h"

static u32 home[ROLE_IDT + 1];  // frames
static bool ldt_in_window;

// Where a frame may pass for the LDT: over the gates that change, and beside all page-table entries. What is taken for a
// descriptor has its A bit set, which would be bit 8 (G) or 40 (reserved) of an entry, with no INVLPG behind it.
#define LDT_START (HEAD + WILD_GATE * 8)

static u32 start_of(enum role which) { return which == ROLE_LDT ? LDT_START : HEAD; }
static u64* table(enum role which) { return (u64*)(frame(home[which]) + start_of(which)); }

extern const u8 gate_not[], gate_add[];
asm(".text\ngate_not: not %eax\n iretl\ngate_add: add $5, %edx\n iretl\n");

static u64 random_segment(void) {
    const u32 kinds[] = {ATTR_DATA, ATTR_DATA, ATTR_DATA, ATTR_DATA_RO, ATTR_CODE, ATTR_DATA_DOWN, ATTR_DATA & ~ATTR_PRESENT, ATTR_LDT};
    const u32 limits[] = {0, 3, 0x13, 0xfff, 0xfffff};
    const u32 base = one_in(4) ? 0 : data_pointer();
    return make_segment(base, limits[below(5)], kinds[below(8)] | (one_in(4) ? 0 : ATTR_DPL(3)) | (one_in(4) ? 0 : ATTR_32) | (one_in(3) ? ATTR_PAGES : 0) | (one_in(2) ? ATTR_ACCESSED : 0));
}

static u64 random_gate(void) {
    const u32 type = one_in(8) ? ATTR_INT32 & ~ATTR_PRESENT : one_in(2) ? ATTR_INT32 : ATTR_TRAP32;
    return make_gate(SEL_KCODE, (u32)(one_in(2) ? gate_not : gate_add), type | (one_in(4) ? 0 : ATTR_DPL(3)), 0);
}

// The two halves one by one, or all at once.
static void store(u64* at, u64 v) {
    if (one_in(2)) {
        *(volatile u32*)at = (u32)v;
        ((volatile u32*)at)[1] = (u32)(v >> 32);
        return;
    }
    u64 old = *at;
    asm volatile("1: lock cmpxchg8b (%2)\n jnz 1b" : "+A"(old) : "b"((u32)v), "S"(at), "c"((u32)(v >> 32)) : "memory");
}

static void load(enum role which) {
    if (which == ROLE_GDT) load_gdt(table(ROLE_GDT), sizeof gdt - 1);
    if (which == ROLE_IDT) load_idt(table(ROLE_IDT), GATES * 8 - 1);
    if (which != ROLE_LDT) return;
    // By a page of the window it is at times not there, or another's.
    const u32 base = ldt_in_window ? slot_address(below(REGIONS), below(SLOTS)) + LDT_START : (u32)table(ROLE_LDT);
    store(&table(ROLE_GDT)[SEL_LDT / 8], make_segment(base, LDT_SEGMENTS * 8 - 1, ATTR_LDT));
    load_ldt(SEL_LDT);
}

void move_table(enum role which) {
    if (which == ROLE_LDT) ldt_in_window = one_in(2);
    const int f = new_home(which);
    if (f >= 0) {
        memcpy(frame((u32)f) + start_of(which), table(which), STRUCTURE_END - start_of(which));
        roles[home[which]] = ROLE_DATA;
        home[which] = (u32)f;
    }
    load(which);
}

void change_descriptor(void) {
    switch (below(3)) {
        case 0: store(&table(ROLE_GDT)[WILD_SEGMENT / 8 + below(WILD_SEGMENTS)], random_segment()); break;
        case 1: store(&table(ROLE_LDT)[below(LDT_SEGMENTS)], random_segment()); break;
        default: store(&table(ROLE_IDT)[WILD_GATE + below(WILD_GATES)], random_gate());
    }
}

u32 any_selector(void) {
    const u32 rpl = one_in(2) ? 3 : below(4);
    if (one_in(8)) return SEL_UDATA;
    if (one_in(16)) return below(4);
    return (one_in(2) ? WILD_SEGMENT + 8 * below(WILD_SEGMENTS) : 4 + 8 * below(LDT_SEGMENTS + 1)) | rpl;
}

void build_tables(void) {
    const enum role all[] = {ROLE_GDT, ROLE_LDT, ROLE_IDT};
    for (u32 n = 0; n < 3; ++n) {
        home[all[n]] = DIRECTORY_FRAMES + n;
        roles[home[all[n]]] = all[n];
    }

    set_idt_gate(VEC_IRQ, SEL_KCODE, on_tick, ATTR_INT32);
    set_idt_gate(CHANGE_GATE, SEL_KCODE, trap_stub(CHANGE_GATE), ATTR_INT32 | ATTR_DPL(3));
    memcpy(table(ROLE_GDT), gdt, sizeof gdt);
    memcpy(table(ROLE_IDT), idt, GATES * 8);
    for (u32 n = 0; n < WILD_SEGMENTS; ++n) table(ROLE_GDT)[WILD_SEGMENT / 8 + n] = random_segment();
    for (u32 n = 0; n < LDT_SEGMENTS; ++n) table(ROLE_LDT)[n] = random_segment();
    for (u32 n = 0; n < WILD_GATES; ++n) table(ROLE_IDT)[WILD_GATE + n] = random_gate();
    for (u32 n = 0; n < 3; ++n) load(all[n]);
}
