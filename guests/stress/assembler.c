// Random code is written cell by cell: so many bytes, of which each cell starts an instruction.
#include "assembler.h"

#include "draw.h"

u8 cell[CELL];
u32 used, mark;

u32 room(void) { return CELL - used; }
void starts_here(void) { mark |= 1u << used; }
void byte(u32 b) { cell[used++] = (u8)b; }
void word(u32 v) {
    for (u32 n = 0; n < 4; ++n) byte(v >> 8 * n);
}
void op1(u32 a) { starts_here(), byte(a); }
void op2(u32 a, u32 b) { op1(a), byte(b); }
void op3(u32 a, u32 b, u32 c) { op2(a, b), byte(c); }
void op4(u32 a, u32 b, u32 c, u32 d) { op3(a, b, c), byte(d); }

// A register that code may use: not ESP, not EBP.
u32 reg(void) {
    static const u8 list[] = {0, 1, 2, 3, 6, 7};
    return list[below(6)];
}
u32 both(void) { return 0xc0 | reg() << 3 | reg(); }

static const u8 letters[] = {0x40, 0x41, 0x42, 0x48, 0x4a, 0x90, 0xf5, 0xf8, 0xf9, 0x98, 0x99, 0x92, 0x93, 0x9f, 0x9e, 0x97};
u8 letter(void) { return letters[below(sizeof letters)]; }
// At most 6 bytes, on registers.
void plain_op(void) {
    static const u8 alu[] = {0x01, 0x03, 0x11, 0x13, 0x19, 0x1b, 0x21, 0x29, 0x2b, 0x31, 0x33, 0x09, 0x39, 0x85, 0x89, 0x8b, 0x87};
    static const u8 wide_op[] = {0xaf, 0xa3, 0xab, 0xb3, 0xbb, 0xb6, 0xb7, 0xbe, 0xbf, 0xc1, 0xbc, 0xbd};
    switch (room() < 6 ? 0 : below(14)) {
        case 0: op1(letter()); break;
        case 1: case 2: case 3: op2(alu[below(sizeof alu)], both()); break;
        case 4: op2(0x81, 0xc0 | below(8) << 3 | reg()), word(any32()); break;
        case 5: op3(0x83, 0xc0 | below(8) << 3 | reg(), any32()); break;
        case 6: op3(0xc1, 0xc0 | below(6) << 3 | reg(), any32()); break;
        case 7: op3(0x0f, wide_op[below(sizeof wide_op)], both()); break;
        case 8: op3(0x0f, 0x40 + below(16), both()); break;
        case 9: op3(0x0f, 0x90 + below(16), 0xc0 | below(8)); break;  // byte registers, high ones too
        case 10: op4(0x8d, 0x44 | reg() << 3, below(4) << 6 | reg() << 3 | reg(), any32()); break;
        case 11: op2(below(2) ? 0xf7 : 0xf6, 0xc0 | (2 + below(4)) << 3 | reg()); break;
        case 12: op2(alu[below(11)] & ~1u, 0xc0 | below(64)); break;  // bytes
        default: op1(0xb8 + reg()), word(any32()); break;
    }
}

void load_register(u32 r, u32 value) { op1(0xb8 + r), word(value); }

void pad_to(u32 last) {
    while (used + last < CELL) room() - last < 6 ? op1(letter()) : plain_op();
}

void begin_cell(void) { used = mark = 0; }
