// Writes random code into the current cell.
#pragma once

#include "x86.h"

#define CELL 32u

extern u8 cell[CELL];
extern u32 used, mark;  // bytes; bit n: an instruction starts at byte n

void begin_cell(void);
u32 room(void);
void starts_here(void);  // of an instruction
void byte(u32 b);
void word(u32 v);
void op1(u32 a);
void op2(u32 a, u32 b);
void op3(u32 a, u32 b, u32 c);
void op4(u32 a, u32 b, u32 c, u32 d);

// A register that code may use: not ESP, not EBP; and two of them, as a ModRM byte.
u32 reg(void);
u32 both(void);
// A one-byte instruction on registers and flags.
u8 letter(void);
// At most 6 bytes, on registers.
void plain_op(void);
void load_register(u32 r, u32 value);
// Up to where `last` bytes more fill the cell.
void pad_to(u32 last);
