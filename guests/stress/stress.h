// The stress guest: a world of a few page frames, each of which is by turns data, code, page table, page directory,
// GDT, LDT and IDT, mapped here and there in three address spaces, or not, or with device memory in its place. Random
// code runs in it, random changes are made to it, and a checksum of all that can be seen goes to the console.
//
// Everything is drawn from one seed, and nothing relies on what a CPU may have cached: wherever the architecture
// demands INVLPG or a load of CR3, there is one. So each run of a seed, on whatever CPU, ends with the same checksums.
#pragma once

#include "draw.h"
#include "paging.h"
#include "trap.h"

extern bool tracing;  // print what happens in this step (main.c)

// --- options from the command line (main.c) -----------------------------------------------------------------------

extern bool with_devices, with_interrupts, with_globals, wide;  // wide: PAE

// --- layout of a frame ---------------------------------------------------------------------------------------------
// All frames look alike but for their first half, so that each holds code and data beside whatever else it is.

#define HEAD 16u         // never used by a structure: an access that straddles two pages ends here
#define STRUCTURE_END 0x800u
#define FUNCTION 0x800u  // one function, in every frame
#define DATA 0xc00u      // to the end: what random code writes to
#define DATA_END 0x1000u

// --- the world (world.c, changes.c) --------------------------------------------------------------------------------

enum { SPACES = 3, REGIONS = 4, SLOTS = 6, FIRST_ENTRY = 4 };
enum { PRIVATE, HALF_SHARED, SHARED, LARGE };  // regions: whose the page table is; LARGE is a large page at times
// Frames that may be directories. They are mapped only in slots 0, where no access straddles into them.
enum { DIRECTORY_FRAMES = 5, FRAMES = 22 };
enum role { ROLE_DATA, ROLE_CODE, ROLE_TABLE, ROLE_DIRECTORY, ROLE_GDT, ROLE_LDT, ROLE_IDT };

extern u8* const frames_at;
extern enum role roles[FRAMES];
extern u32 current;  // address space
static inline u8* frame(u32 f) { return frames_at + f * PAGE; }

void build_world(void);
void checksum_world(void);
void print_world(void);
u32 slot_address(u32 region, u32 slot);
u32 any_page(void);          // the linear address of some page of the world
u32 data_pointer(void);      // into the data of some page, with 32 bytes of it on either side
u32 straddling_pointer(void);
// One random change, with all that the architecture demands behind it.
void change_something(void);
void switch_space(u32 space);
// Maps something usable at a linear address. False if it is none of the world's.
bool repair(u32 address);
// A frame for a role, or -1.
int new_home(enum role role);
// The frame's number if `address` is mapped to one now, or -1. Makes no access to it.
int frame_behind(u32 address);

// --- descriptor tables in frames (tables.c) ------------------------------------------------------------------------

enum { WILD_GATE = 0x60, WILD_GATES = 16, CHANGE_GATE = 0x70, GATES = 0x81, WILD_SEGMENT = SEL_TEST, WILD_SEGMENTS = 8, LDT_SEGMENTS = 16 };
void build_tables(void);
void move_table(enum role which);  // to another frame, if one can be had, which new_home() says
void change_descriptor(void);
u32 any_selector(void);

// --- random code (code.c) ------------------------------------------------------------------------------------------

extern u32 fuel;             // calls and loops left to the code that runs
extern u8 stack_of_code[];   // with room below for interrupts
#define STACK_OF_CODE_BYTES 65536u
void write_function(u32 f, u32 offset);
// Changes bytes of a function that are made to be changed: its immediate, its letters, its loop's count.
void patch_function(u8* function);
// The offset of the instruction behind the one at `offset` of a frame, or 0.
u32 next_instruction(u32 f, u32 offset);
void choose_callees(void);

// --- running (run.c) -----------------------------------------------------------------------------------------------

extern bool running;
extern const u8 on_tick[];  // the timer's handler
void prepare_runs(void);
void run_function(void);
void run_loop_of_accesses(void);
// The upper half first. If that faults, nothing is stored.
void store_by_user_code(u32 address, u64 value, bool both_halves);
