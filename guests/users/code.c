// Random user code.
#include "assembler.h"
#include "users.h"

// Goes on only while there is fuel: 10 bytes.
static void burn(void) {
    op2(0xff, 0x0d), word((u32)fuel);
    op2(0x79, 2), op2(0xcd, VEC_DONE);
}

u32 any_cell(void) { return one_in(12) ? LAST_CELL : FIRST_CELL + below(CODE_CELLS) * CELL; }

// From the end of the current instruction, which is that of its cell, to some cell of this page or of one near it.
static void near_target(u32 offset) {
    const u32 page = one_in(3) ? below(5) - 2 : 0;
    word(page * PAGE + any_cell() - (offset + CELL));
}

static void jump_op(u32 offset) {
    if (one_in(2)) {
        pad_to(16);
        burn();
        op2(0x0f, 0x80 + below(16));
    } else {
        pad_to(15);
        burn();
        op1(0xe9);
    }
    near_target(offset);
}

static void call_op(u32 offset) {
    pad_to(15);
    burn();
    op1(0xe8);
    near_target(offset);
}

static void indirect_op(void) {
    const bool call = one_in(2);
    pad_to(20);
    burn();
    op3(0x83, 0xe1, 15);
    op3(0xff, call ? 0x14 : 0x24, 0x8d), word((u32)targets);
}

// At the stack's end there is nothing to return to.
static void ret_op(void) {
    pad_to(21);
    burn();
    op2(0x81, 0xfc), word((u32)stack_of_users + PAGE);
    op2(0x72, 2), op2(0xcd, VEC_DONE);
    op1(0xc3);
}

static void far_op(void) {
    pad_to(17);
    burn();
    const u32 n = below(CODE_SEGMENTS);
    op1(0xea), word(code_cell() - segment_base(n)), byte(SEL_CODE(n)), byte(SEL_CODE(n) >> 8);
}

static void to_sixteen_op(void) {
    pad_to(17);
    burn();
    const u32 n = below(SIXTEENS);
    op1(0xea), word(0), byte(SEL_SIXTEEN(n)), byte(SEL_SIXTEEN(n) >> 8);
}

static void patch_op(void) {
    const u32 base = reg(), at = FIRST_CELL + below(CODE_CELLS / PATCHED_EVERY) * PATCHED_EVERY * CELL + 1;
    load_register(base, code_page() + at);
    switch (below(4)) {
        case 0: op2(0xc7, base), word(any32()); break;
        case 1: op2(0x31, reg() << 3 | base); break;
        case 2: op3(0x80, 0x40 | base, below(4)), byte(any32()); break;
        default:
            op2(0x87, 0xc7 | base << 3);  // xchg: the base may be any register, the string's is EDI
            load_register(1, below(5));
            op2(0xf3, 0xaa);
    }
}

static void data_op(void) {
    static const u8 ops[] = {0x01, 0x03, 0x11, 0x13, 0x19, 0x29, 0x31, 0x33, 0x39, 0x85, 0x87, 0x88, 0x89, 0x8a, 0x8b};
    const u32 base = reg();
    load_register(base, data_pointer());
    op2(ops[below(sizeof ops)], reg() << 3 | base);
}

static void string_op(void) {
    static const u8 ops[] = {0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf};
    const bool down = one_in(4);
    load_register(6, one_in(4) ? code_page() + below(PAGE) : data_pointer());
    load_register(7, data_pointer());
    load_register(1, below(one_in(3) ? 3000 : 30));
    if (down) op1(0xfd);
    op2(one_in(2) ? 0xf3 : 0xf2, ops[below(sizeof ops)]);
    op1(0xfc);
}

static void flags_op(void) {
    static const u32 bits[] = {0x8d5, 0x400, FLAG_AC, FLAG_ID, FLAG_NT, 1};
    op1(0x9c);
    op3(0x81, 0x34, 0x24), word(one_in(3) ? FLAG_TF : bits[below(6)]);
    op1(0x9d);
    op1(0xfc);
}

// EIP as the code itself sees it.
static void where_op(void) {
    op1(0xe8), word(0);
    op1(0x58 + reg());
}

static void stack_op(void) {
    op1(0x50 + reg()), plain_op(), op1(0x58 + reg());
}

static void operation(u32 offset) {
    switch (below(24)) {
        case 0: case 1: case 2: jump_op(offset); break;
        case 3: case 4: case 5: call_op(offset); break;
        case 6: case 7: indirect_op(); break;
        case 8: case 9: case 10: ret_op(); break;
        case 11: far_op(); break;
        case 12: to_sixteen_op(); break;
        case 13: case 14: patch_op(); break;
        case 15: case 16: data_op(); break;
        case 17: case 18: string_op(); break;
        case 19: one_in(2) ? flags_op() : stack_op(); break;
        case 20: where_op(); break;
        case 21: pad_to(2), op2(0xcd, one_in(4) ? HOP_GATE : CHANGE_GATE); break;
        case 22: one_in(3) ? op2(0xf7, 0xf0 | reg()) : one_in(2) ? op1(0xf4) : op2(0x0f, 0x0b); break;
        default: plain_op();
    }
    while (room()) plain_op();
}

static void end_cell(u8* frame, u32 offset) {
    memcpy(frame + offset, cell, CELL);
}

// ADD reg, imm32, of which three bytes lie in the one page and three in the next.
static void write_seam(u8* frame) {
    begin_cell();
    while (room() > 3) op1(letter());
    op2(0x81, 0xc0 | reg()), byte(any32());
    end_cell(frame, LAST_CELL);
    begin_cell();
    for (u32 n = 0; n < 3; ++n) byte(any32());
    while (room() > 5) op1(letter());
    op1(0xe9), word(below(2) ? FIRST_CELL - CELL : FIRST_CELL + below(CODE_CELLS) * CELL - CELL);
    end_cell(frame, 0);
    begin_cell();
    while (room() > 15) plain_op();
    pad_to(15), burn(), op1(0xe9), near_target(CELL);
    end_cell(frame, CELL);
}

// The same bytes for either size of code: no immediate and no displacement of more than one byte, and LOOP counts CX or ECX.
static void write_sixteen(u8* frame) {
    static const u8 alu[] = {0x01, 0x09, 0x11, 0x19, 0x21, 0x29, 0x31, 0x39, 0x85, 0x89};
    for (u32 offset = SIXTEEN; offset < LAST_CELL; offset += CELL) {
        begin_cell();
        op2(0x31, 0xc9), op2(0xb1, 1 + below(7));  // xor %ecx, %ecx; mov $n, %cl
        const u32 again = used;
        while (room() > 8) {
            const u32 r = reg() & ~1u;  // not ECX, which counts
            switch (below(5)) {
                case 0: op2(alu[below(sizeof alu)], 0xc0 | reg() << 3 | r); break;
                case 1: op3(0xc1, 0xc0 | below(6) << 3 | r, any32()); break;
                case 2: op3(0x83, 0xc0 | below(8) << 3 | r, any32()); break;
                case 3: op1(0x40 + r); break;
                default: op3(0x0f, 0x40 + below(16), 0xc0 | r << 3 | reg());
            }
        }
        while (room() > 4) op1(0x90);
        op2(0xe2, again - used - 2);
        op2(0xcd, HOP_GATE);
        end_cell(frame, offset);
    }
}

void write_code(u8* frame) {
    for (u32 n = 0; n < CODE_CELLS; ++n) {
        const u32 offset = FIRST_CELL + n * CELL;
        begin_cell();
        if (n % PATCHED_EVERY == 0) {
            load_register(0, any32());
            while (room()) plain_op();
        } else {
            operation(offset);
        }
        end_cell(frame, offset);
    }
    write_sixteen(frame);
    write_seam(frame);
}

void patch_code(u8* frame) {
    u8* const immediate = frame + FIRST_CELL + below(CODE_CELLS / PATCHED_EVERY) * PATCHED_EVERY * CELL + 1;
    switch (below(4)) {
        case 0: *(volatile u32*)immediate = any32(); break;
        case 1: *(volatile u8*)(immediate + below(4)) = (u8)any32(); break;
        case 2: *(volatile u8*)(frame + below(3)) = (u8)any32(); break;  // of the instruction astride
        default: *(volatile u8*)(frame + PAGE - 1) = (u8)any32();
    }
}
