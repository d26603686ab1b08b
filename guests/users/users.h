// The guest of user programs: what a translation of user code may share between the places where it runs. A few frames of
// code, all of one layout, are mapped at many linear pages in two address spaces, next to one another in changing order; user
// code runs through them in flat code segments, in such with another base, and in 16-bit ones, steps itself (TF), meets
// breakpoints, changes itself, and faults in the middle of repeated string instructions. Between two instructions the kernel
// maps other frames, moves segments, and sends it elsewhere.
//
// Everything is drawn from one seed, and the code never relies on what a CPU may have cached; so each run of a seed, on
// whatever CPU, ends with the same checksums.
#pragma once

#include "draw.h"
#include "paging.h"
#include "trap.h"

extern bool tracing;  // print what happens in this step

// --- layout of a frame of code (code.c) ----------------------------------------------------------------------------
//
//   0             the end of the instruction that lies astride the page before and this one, then the way on
//   FIRST_CELL    cells of 32 bytes, each of which starts an instruction. What lets the kernel in for changes, or may come
//                 back later (a call), is the last instruction of its cell.
//   SIXTEEN       code that means the same in 16-bit and in 32-bit segments
//   LAST_CELL     its last bytes are the start of the instruction that lies astride

#define FIRST_CELL 0x40u
#define SIXTEEN 0xf00u
#define LAST_CELL 0xfe0u
#define CODE_CELLS ((SIXTEEN - FIRST_CELL) / 32)
#define PATCHED_EVERY 4u  // every fourth cell begins with MOV EAX, imm32, whose immediate may be anything

// Instructions that the handlers of these vectors answer.
enum { CHANGE_GATE = 0x70, HOP_GATE = 0x71 };

u32 any_cell(void);  // the offset of one
void write_code(u8* frame);
void patch_code(u8* frame);

// --- the world (world.c) -------------------------------------------------------------------------------------------

enum { SPACES = 2, GROUPS = 3, GROUP_PAGES = 6, CODE_FRAMES = 8, DATA_PAGES = 6, DATA_FRAMES = 4, CODE_SEGMENTS = 8, SIXTEENS = 4 };
#define DATA_AT 0x60000000u
#define SEL_CODE(n) ((SEL_TEST + 8 * (n)) | 3)                    // 32-bit; the first is flat
#define SEL_SIXTEEN(n) ((SEL_TEST + 8 * (CODE_SEGMENTS + (n))) | 3)  // each at the 16-bit code of some page

extern u32 fuel[PAGE / 4], targets[PAGE / 4];  // pages of the user's: rounds left, and where indirect jumps may go
extern u8 stack_of_users[PAGE];

void build_world(void);
void checksum_world(void);
u32 code_page(void);   // the linear address of one
static inline u32 code_cell(void) { return code_page() + any_cell(); }
u32 data_pointer(void);
u32 segment_base(u32 n);
u32 sixteen_base(u32 n);
void change_something(void);
bool repair(u32 address);  // maps something there, if it is a page of data
void set_breakpoints(void);
void clear_breakpoints(void);
