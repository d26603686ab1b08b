// Makes page tables out of a static pool of pages.
#include "paging.h"

#include "descriptors.h"
#include "report.h"

#define IDENTITY_BYTES (16u << 20)
#define POOL_PAGES 256

static u8 pool[POOL_PAGES][PAGE] __attribute__((aligned(4096)));
static u32 pool_used;

void* new_page(void) {
    if (pool_used == POOL_PAGES) give_up("out of pages");
    return pool[pool_used++];
}

u32* pde(u32* directory, u32 address) { return &directory[address >> 22]; }

u32* pte(u32* directory, u32 address) {
    u32* d = pde(directory, address);
    if (!(*d & PTE_P)) *d = (u32)new_page() | PTE_USER;
    return (u32*)(*d & ~0xfffu) + (address >> 12 & 0x3ff);
}

u32* new_directory(void) {
    u32* directory = new_page();
    for (u32 a = 0; a < IDENTITY_BYTES; a += PAGE) *pte(directory, a) = a | PTE_USER;
    return directory;
}

u64* pae_pde(u64* root, u32 address) {
    u64* top = &root[address >> 30];
    if (!(*top & PTE_P)) *top = (u32)new_page() | PTE_P;
    return (u64*)(u32)(*top & ~0xfffull) + (address >> 21 & 0x1ff);
}

u64* pae_pte(u64* root, u32 address) {
    u64* d = pae_pde(root, address);
    if (!(*d & PTE_P)) *d = (u32)new_page() | PTE_USER;
    return (u64*)(u32)(*d & ~0xfffull) + (address >> 12 & 0x1ff);
}

u64* new_pae_root(void) {
    u64* root = new_page();
    for (u32 a = 0; a < IDENTITY_BYTES; a += PAGE) *pae_pte(root, a) = a | PTE_USER;
    return root;
}

void paging_on(const void* root) {
    set_cr3((u32)root);
    double_fault_tss.cr3 = (u32)root;
    set_cr0(get_cr0() | CR0_PG);
}

void paging_off(void) { set_cr0(get_cr0() & ~CR0_PG); }
