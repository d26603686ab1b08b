// What world.c and changes.c share: where the tables are and what is in them.
#pragma once

#include "stress.h"

#define WINDOW 0x40000000u

extern u32 directory_of[SPACES], table_of[SPACES][LARGE];  // frames
extern u64 roots[SPACES][4];                               // PAE
extern bool has_nx;

u64 get_entry(u32 f, u32 i);
void put_entry(u32 f, u32 i, u64 v);
u32 region_bytes(void);
u32 directory_index(u32 region);
u64 upper_entry(u32 space, u32 region);
// The table that maps a region in a space, as a frame; -1 behind a large page.
int table_behind(u32 space, u32 region);
u32 cr3_of(u32 space);
