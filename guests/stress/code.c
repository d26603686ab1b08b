// Random functions. Each is a row of cells of 32 bytes, and each cell starts an instruction, so that code goes on
// somewhere sensible even if another frame has come in the place of the one that it ran in: whatever lets changes
// happen (a call, the change interrupt) is the last instruction of its cell.
//
//   cell 0       fuel and stack are checked; the frame: EBP, and at -4(%ebp) a count of rounds
//   cell 1       an immediate and three letters, all of which may be changed at any time
//   cells 2 ...  operations
//   last but one back to cell 2, while fuel and count last
//   last         LEAVE, RET; the end for lack of fuel; two small things to call
#include "assembler.h"
#include "stress.h"

#define LONG_CELLS ((STRUCTURE_END - 2 * CELL) / CELL)  // in the place of a structure
#define CELLS ((DATA - FUNCTION) / CELL)
#define OUT_OF_FUEL 8u
#define LEAF 16u
#define SKIPPING_LEAF 24u
#define STACK_ROOM 16384u  // for interrupts and their handlers

u32 fuel;
u8 stack_of_code[STACK_OF_CODE_BYTES] __attribute__((aligned(4096)));
static u32 callees[8];
static u8 starts[FRAMES][PAGE / 8];  // where instructions start

// --- one cell ------------------------------------------------------------------------------------------------------

static u32 cell_offset, cells, cell_number;
static bool leaf_only;  // no calls and no changes: this code is not in every frame

static u8 leaf_letter(void) {  // loops of accesses call leaves, and keep count in ECX, EBX and ESI
    static const u8 list[] = {0x40, 0x42, 0x48, 0x4a, 0xf5, 0x98, 0x99, 0x92};
    return list[below(sizeof list)];
}

static void reset_stack(void) { op3(0x8d, 0x65, 0xf0); }  // lea -16(%ebp), %esp

// --- operations with memory ----------------------------------------------------------------------------------------

struct operand {
    u32 base, displacement;
    bool indexed;
};

// `opcode` with register field `r`, in one of several addressing forms.
static void modrm(struct operand m, u32 r) {
    if (m.indexed) {
        byte(0x44 | r << 3), byte(2 << 6 | 1 << 3 | m.base), byte(m.displacement);
    } else if (m.displacement) {
        byte(0x40 | r << 3 | m.base), byte(m.displacement);
    } else {
        byte(r << 3 | m.base);
    }
}

// Leads `base` to an address; forms with an index leave ECX below 4.
static struct operand aim(u32 address, bool straddles) {
    struct operand m = {.base = reg()};
    if (!straddles) m.displacement = below(16), m.indexed = m.base != 1 && one_in(5);
    if (m.indexed) op3(0x83, 0xe1, 3);
    load_register(m.base, address - (straddles ? 0 : m.displacement));
    return m;
}

static void read_op(void) {
    static const u8 narrow[] = {0x8b, 0x03, 0x3b, 0x23, 0x13, 0x1b, 0x85, 0x8a, 0x02, 0x3a, 0x84};
    // Structures are read too.
    const struct operand m = one_in(4) ? aim(any_page() + below(PAGE - 64) + 16, false) : aim(one_in(8) ? straddling_pointer() : data_pointer(), false);
    starts_here();
    if (one_in(8)) byte(0x66);
    if (one_in(4))
        byte(0x0f), byte(0xb6 + below(2) + 8 * below(2)), modrm(m, reg());
    else
        byte(narrow[below(sizeof narrow)]), modrm(m, reg());
}

static void write_op(void) {
    const bool straddles = one_in(8);
    const struct operand m = straddles ? aim(straddling_pointer(), true) : aim(data_pointer(), false);
    starts_here();
    const u32 kind = below(12);
    if (kind < 4 && one_in(3)) byte(0xf0);  // LOCK
    if (one_in(8)) byte(0x66);
    switch (kind) {
        case 0: byte(0x01 + 8 * (below(7))), modrm(m, reg()); break;
        case 1: byte(0xff), modrm(m, below(2)); break;
        case 2: byte(0x0f), byte(one_in(2) ? 0xc1 : 0xb1), modrm(m, reg()); break;
        case 3: byte(0xf7), modrm(m, 2 + below(2)); break;
        case 4: byte(0x88), modrm(m, below(8)); break;
        case 5: byte(0xc6), modrm(m, 0), byte(any32()); break;
        case 6: byte(0x87), modrm(m, reg()); break;
        case 7: byte(0xc1), modrm(m, below(6)), byte(any32()); break;
        case 8: byte(0x0f), byte(0x90 + below(16)), modrm(m, 0); break;
        default: byte(0x89), modrm(m, reg());
    }
}

// Writes that change nothing may go anywhere.
static void same_value_op(void) {
    const struct operand m = aim(any_page() + 16 + below(PAGE - 64), false);
    switch (below(3)) {
        case 0: op1(0x83), modrm(m, 1), byte(0); break;
        case 1: op1(0x83), modrm(m, 4), byte(0xff); break;
        default: op1(0x80), modrm(m, 0), byte(0);
    }
}

static void wide_op(void) {
    const bool store = one_in(2);
    const u32 aligned = one_in(2) ? ~15u : ~0u;
    const u32 base = reg();
    load_register(base, one_in(8) ? straddling_pointer() - 2 : data_pointer() & aligned);
    const struct operand m = {.base = base};
    starts_here();
    switch (below(4)) {
        case 0: byte(0x0f), byte(store ? 0x11 : 0x10); break;
        case 1: byte(0x0f), byte(store ? 0x29 : 0x28); break;
        case 2: store ? byte(0x66) : byte(0xf3), byte(0x0f), byte(store ? 0xd6 : 0x7e); break;
        default: byte(0xdb), modrm(m, 5), op1(0xdb), modrm(m, 7); return;
    }
    modrm(m, below(8));
}

static void absolute_op(void) {
    switch (below(3)) {
        case 0: op1(0xa1), word(data_pointer()); break;
        case 1: op1(0xa3), word(data_pointer()); break;
        default: op2(0x8b, 0x05 | reg() << 3), word(any_page() + below(PAGE - 4));
    }
}

static void string_op(void) {
    static const u8 ops[] = {0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf};
    const u32 op = ops[below(sizeof ops)];
    load_register(6, one_in(4) ? straddling_pointer() : data_pointer());
    load_register(7, one_in(4) ? straddling_pointer() : data_pointer());
    load_register(1, below(op & 1 ? 4 : 15));
    if (one_in(8)) op1(0xfd);
    op2(one_in(2) ? 0xf3 : 0xf2, op);
    op1(0xfc);
}

// Bytes of another function, of those that may be anything.
static void self_modifying_op(void) {
    const u32 base = reg(), page = any_page() + FUNCTION;
    if (one_in(2)) {
        load_register(base, page + CELL + 1);
        op2(0xc7, base), word(any32());
    } else {
        load_register(base, page + CELL + 5 + below(3));
        op3(0xc6, base, letter());
    }
}

static void push_pop_op(void) {
    reset_stack();
    const struct operand from = {.base = 6}, to = {.base = 7};
    load_register(6, data_pointer());
    load_register(7, data_pointer());
    op2(0x6a, 0x55);  // for POP, if PUSH is passed over: what lies below is interrupts'
    op1(0xff), modrm(from, 6);
    op1(0x8f), modrm(to, 0);
}

// The stack in a page of the world, where the CPU needs it for nothing: in user mode.
static void foreign_stack_op(void) {
    op2(0x8c, 0xc8), op2(0xa8, 3), op2(0x74, 12);  // mov %cs, %eax; test $3, %al; jz over
    op2(0x89, 0xe2), load_register(4, data_pointer() + 12);
    op1(0x50), op1(0x51), op1(0x58), op2(0x89, 0xd4);
}

// --- operations with the system ------------------------------------------------------------------------------------

static void segment_op(void) {
    reset_stack();
    load_register(0, any_selector());
    if (one_in(2)) {  // FS, GS: they keep what they got
        const u32 s = 4 + below(2);
        op2(0x8e, 0xc0 | s << 3);
        op3(0x60 + s, one_in(3) ? 0x89 : 0x8b, 0x05 | reg() << 3), word(below(32));
    } else {  // ES, DS: not for long
        const bool es = one_in(2);
        op1(es ? 0x06 : 0x1e);
        op2(0x8e, 0xc0 | (es ? 0 : 3) << 3);
        op3(es ? 0x26 : 0x3e, one_in(3) ? 0x89 : 0x8b, 0x05 | reg() << 3), word(below(32));
        op1(es ? 0x07 : 0x1f);
    }
}

static void flags_op(void) {
    static const u32 bits[] = {0x8d5, 0x400, 0x200, FLAG_AC, FLAG_ID, FLAG_NT, FLAG_IOPL(3), 1};
    reset_stack();
    op1(0x9c);
    op3(0x81, 0x34, 0x24), word(one_in(64) ? FLAG_TF : bits[below(8)]);
    op1(0x9d);
    if (one_in(3)) op1(0xfc);
}

// IRET and RETF to the next cell.
static void far_return_op(void) {
    const bool iret = one_in(2);
    reset_stack();
    if (iret) op1(0x9c);
    op1(0x0e);
    op1(0xe8), word(0);
    op4(0x83, 0x04, 0x24, CELL - used);  // from behind the CALL: 4 bytes back, and this instruction is 4 long
    op1(iret ? 0xcf : 0xcb);
}

static void privileged_op(void) {
    switch (below(7)) {
        case 0: op3(0x0f, 0x20, 0xd8), op3(0x0f, 0x22, 0xd8); break;  // CR3, the same
        case 1: op3(0x0f, 0x20, 0xc0), op3(0x0f, 0x22, 0xc0); break;  // CR0, the same
        case 2: load_register(3, any_page()), op3(0x0f, 0x01, 0x3b); break;
        case 3: op2(0x0f, 0x06); break;  // CLTS
        case 4: op2(0xe4, 0x21); break;  // the interrupt mask
        case 5: op1(0xfa); break;
        default: op3(0x0f, 0x20, 0xd0); break;  // CR2
    }
}

static void branch_op(void) {
    const u32 most = cells - 3 - cell_number;  // cells between this one and the last but one
    const u32 over = below(most < 3 ? most + 1 : 4) * CELL;
    pad_to(6);
    op2(0x0f, 0x80 + below(16)), word(over);
}

static void leaf_call_op(void) {
    const u32 leaf = (cells - 1) * CELL + (one_in(3) && cell_number + 3 < cells ? SKIPPING_LEAF : LEAF);
    reset_stack();
    pad_to(5);
    op1(0xe8), word(leaf - (cell_number + 1) * CELL);
}

static void call_op(void) {
    reset_stack();
    if (one_in(2)) {
        pad_to(7);
        load_register(0, any_page() + FUNCTION);
        op2(0xff, 0xd0);
    } else {
        pad_to(10);
        op3(0x83, 0xe1, 7);
        op3(0xff, 0x14, 0x8d), word((u32)callees);
    }
}

// CALL whose return address is taken off the stack: it never returns, or by another way.
static void odd_call_op(void) {
    reset_stack();
    op1(0xe8), word(0);
    const u32 behind = used;
    switch (below(3)) {
        case 0: op3(0x83, 0xc4, 4); break;
        case 1: op1(0x58), op3(0x83, 0xc0, CELL - behind), op2(0xff, 0xe0); break;
        default: op1(0x58), op3(0x83, 0xc0, CELL - behind), op1(0x50), op1(0xc3);
    }
}

static void leave_op(void) {
    op1(0xc9);
    op3(0x83, 0xe1, 7);
    op3(0xff, 0x24, 0x8d), word((u32)callees);
}

static void divide_op(void) { op2(0xf7, 0xf0 | below(2) << 3 | reg()); }

static void operation(void) {
    switch (below(leaf_only ? 32 : 40)) {
        case 0: case 1: case 2: case 3: case 4: read_op(); break;
        case 5: case 6: case 7: case 8: case 9: write_op(); break;
        case 10: case 11: same_value_op(); break;
        case 12: wide_op(); break;
        case 13: absolute_op(); break;
        case 14: case 15: string_op(); break;
        case 16: case 17: self_modifying_op(); break;
        case 18: push_pop_op(); break;
        case 19: foreign_stack_op(); break;
        case 20: case 21: segment_op(); break;
        case 22: flags_op(); break;
        case 23: far_return_op(); break;
        case 24: one_in(4) ? privileged_op() : divide_op(); break;
        case 25: op2(0xcd, WILD_GATE + below(WILD_GATES)); break;
        case 26: odd_call_op(); break;
        case 27: case 28: leaf_call_op(); break;
        case 29: case 30: branch_op(); break;
        case 31: plain_op(); break;
        case 32: case 33: case 34: call_op(); break;
        case 35: one_in(4) ? leave_op() : plain_op(); break;
        case 36: case 37: pad_to(2), op2(0xcd, CHANGE_GATE); break;
        default: read_op(), room() > 20 ? write_op() : plain_op();
    }
    while (room()) plain_op();
}

// --- functions -----------------------------------------------------------------------------------------------------

static void end_cell(u32 f) {
    while (room()) op1(0x90);
    u8* const to = frame(f) + cell_offset;
    if (one_in(2))
        memcpy(to, cell, CELL);
    else
        for (u32 n = 0; n < CELL; n += 4) *(volatile u32*)(to + n) = *(u32*)(cell + n);
    memcpy(&starts[f][cell_offset / 8], &mark, CELL / 8);
    cell_offset += CELL;
    ++cell_number;
}

static void jump_to(u32 a, u32 b, u32 target_cell, u32 at) {  // in this function
    op2(a, b);
    word(target_cell * CELL + at - (cell_number * CELL + used + 4));
}

void write_function(u32 f, u32 offset) {
    leaf_only = offset < FUNCTION;
    cell_offset = leaf_only ? CELL : offset;
    cells = leaf_only ? LONG_CELLS : CELLS;
    cell_number = 0;

    begin_cell();
    op2(0xff, 0x0d), word((u32)&fuel);
    jump_to(0x0f, 0x88, cells - 1, OUT_OF_FUEL);
    op2(0x81, 0xfc), word((u32)stack_of_code + STACK_ROOM);
    jump_to(0x0f, 0x82, cells - 1, OUT_OF_FUEL);
    op1(0x55), op2(0x89, 0xe5);
    op1(0x68), word(1 + below(one_in(4) ? 40 : 4));
    end_cell(f);

    begin_cell();
    load_register(0, any32());
    for (u32 n = 0; n < 3; ++n) op1(letter());
    while (room()) plain_op();
    end_cell(f);

    while (cell_number < cells - 2) {
        begin_cell();
        operation();
        end_cell(f);
    }

    begin_cell();
    op2(0xff, 0x0d), word((u32)&fuel);
    jump_to(0x0f, 0x88, cells - 1, OUT_OF_FUEL);
    op3(0xff, 0x4d, 0xfc);
    jump_to(0x0f, 0x85, 2, 0);
    end_cell(f);

    begin_cell();
    op1(0xc9), op1(0xc3);
    while (used < OUT_OF_FUEL) op1(0x90);
    op2(0xcd, VEC_DONE);
    while (used < LEAF) op1(0x90);
    op1(leaf_letter()), op1(0xc3);
    while (used < SKIPPING_LEAF) op1(0x90);
    op4(0x83, 0x04, 0x24, CELL), op1(0xc3);
    end_cell(f);
}

void patch_function(u8* function) {
    u8* const immediate = function + CELL + 1;
    switch (below(5)) {
        case 0: *(volatile u32*)immediate = any32(); break;
        case 1: *(volatile u8*)(immediate + below(4)) = (u8)any32(); break;
        case 2: *(volatile u8*)(immediate + 4 + below(3)) = letter(); break;
        case 3: *(volatile u32*)(immediate + 3) = (u8)any32() | (u32)letter() << 8 | (u32)letter() << 16 | (u32)letter() << 24; break;
        default: *(volatile u32*)(function + CELL - 4) = 1 + below(60);
    }
}

u32 next_instruction(u32 f, u32 offset) {
    while (++offset < PAGE)
        if (starts[f][offset / 8] >> offset % 8 & 1) return offset;
    return 0;
}

void choose_callees(void) {
    for (u32 n = 0; n < 8; ++n) callees[n] = any_page() + FUNCTION;
}
