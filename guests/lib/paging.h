// Page tables: an identity map of the first 16 MiB, and a free hand with any page above it.
#pragma once

#include "x86.h"

#define PAGE 4096u
#define PTE_P 0x001u
#define PTE_W 0x002u
#define PTE_U 0x004u
#define PTE_PWT 0x008u
#define PTE_PCD 0x010u
#define PTE_A 0x020u
#define PTE_D 0x040u
#define PTE_PS 0x080u
#define PTE_G 0x100u
#define PTE_NX (1ull << 63)
#define PTE_KERNEL (PTE_P | PTE_W)
#define PTE_USER (PTE_P | PTE_W | PTE_U)

#define ERR_P 1u
#define ERR_W 2u
#define ERR_U 4u
#define ERR_RSVD 8u
#define ERR_FETCH 16u

// A page of zeros that nothing else uses.
void* new_page(void);

// Two-level tables. The directory is the root; its low 16 MiB map to themselves with USER rights in every entry.
u32* new_directory(void);
// The entries for an address, made (not present) if they were missing.
u32* pde(u32* directory, u32 address);
u32* pte(u32* directory, u32 address);
// The same for PAE: the root is four entries of 8 bytes.
u64* new_pae_root(void);
u64* pae_pde(u64* root, u32 address);
u64* pae_pte(u64* root, u32 address);

void paging_on(const void* root);
void paging_off(void);
