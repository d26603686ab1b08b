// Three-level paging: 4 KiB and 2 MiB pages, execute-disable, reserved bits, and the four entries that only a CR3 load
// reads.
#include "paging.h"
#include "trap.h"

#define WINDOW 0x40000000u
#define MSR_EFER 0xc0000080u
#define EFER_NXE (1u << 11)

static u64* root;
static u8 *first, *second;

SNIPPET(read_it, "nop", "mov (%ebx), %eax");
SNIPPET(write_it, "nop", "mov %eax, (%ebx)");
SNIPPET(call_it, "nop", "call *%ebx");
SNIPPET(load_cr3, "nop", "mov %eax, %cr3");
SNIPPET(load_cr4, "nop", "mov %eax, %cr4");
SNIPPET(turn_on, "nop", "mov %eax, %cr0");

static struct trap access(const u8* code, bool user, u32 address) {
    struct context c = user ? user_context(code) : kernel_context(code);
    c.ebx = address;
    c.eax = 0x11223344;
    return run(&c);
}

static void map(u32 address, u64 entry) {
    *pae_pte(root, address) = entry;
    invlpg(address);
}

static void rights_matrix(bool user, bool write) {
    u32 wrong = 0;
    u64* d = pae_pde(root, WINDOW);
    const u64 table = (u32)pae_pte(root, WINDOW) & ~0xfffu;
    for (u32 combination = 0; combination < 64; ++combination) {
        const u32 upper = combination & 7, lower = combination >> 3, both = upper & lower;
        u64* p = (u64*)(u32)table;
        *p = (u32)first | lower;
        *d = table | upper;
        invlpg(WINDOW);
        const struct trap t = access(write ? write_it : read_it, user, WINDOW + 8);
        const bool present = both & PTE_P;
        const bool allowed = present && (!user || (both & PTE_U)) && (!write || (both & PTE_W) || !user);
        const u32 error = (present ? ERR_P : 0) | (write ? ERR_W : 0) | (user ? ERR_U : 0);
        const bool good = allowed ? t.vector == VEC_DONE && (*d & PTE_A) && (*p & PTE_A) && !(*p & PTE_D) == !write
                                  : t.vector == VEC_PF && t.error == error && t.cr2 == WINDOW + 8 && !(*p & PTE_D);
        wrong += !good;
    }
    *d = table | PTE_USER;
    check(!wrong, "PAE: P, R/W, U/S in both levels: %s, %s", user ? "user" : "supervisor", write ? "write" : "read");
}

static void reserved_bits(void) {
    const bool nx = cpuid(0x80000001).edx & 1u << 20;
    map(WINDOW, (u32)first | PTE_USER | 1ull << 62);
    struct trap t = access(read_it, true, WINDOW);
    expect(&t, VEC_PF, ERR_U | ERR_P | ERR_RSVD, read_it_at, "PAE: bit 62 of an entry is reserved");
    t = access(write_it, false, WINDOW);
    expect(&t, VEC_PF, ERR_W | ERR_P | ERR_RSVD, write_it_at, "PAE: for the supervisor's writes too");
    if (nx) wrmsr(MSR_EFER, 0);
    map(WINDOW, (u32)first | PTE_USER | PTE_NX);
    t = access(read_it, true, WINDOW);
    expect(&t, VEC_PF, ERR_U | ERR_P | ERR_RSVD, read_it_at, "PAE: bit 63 is reserved without EFER.NXE");
    map(WINDOW, 1ull << 62);
    t = access(read_it, true, WINDOW);
    expect(&t, VEC_PF, ERR_U, read_it_at, "PAE: an absent entry has no reserved bits");
    map(WINDOW, (u32)first | PTE_USER);
}

static void execute_disable(void) {
    static const u8 done[] = {0xcd, VEC_DONE};
    if (!(cpuid(0x80000001).edx & 1u << 20)) {
        print("# no NX here\n");
        return;
    }
    memcpy(first, done, 2);
    wrmsr(MSR_EFER, EFER_NXE);
    check(rdmsr(MSR_EFER) & EFER_NXE, "NX: EFER.NXE can be set");
    map(WINDOW, (u32)first | PTE_USER);
    struct trap t = access(call_it, true, WINDOW);
    expect(&t, VEC_DONE, 0, (u8*)WINDOW + 2, "NX: a page without it runs");
    map(WINDOW, (u32)first | PTE_USER | PTE_NX);
    t = access(call_it, true, WINDOW);
    expect(&t, VEC_PF, ERR_U | ERR_P | ERR_FETCH, (u8*)WINDOW, "NX: a fetch, user");
    t = access(call_it, false, WINDOW);
    expect(&t, VEC_PF, ERR_P | ERR_FETCH, (u8*)WINDOW, "NX: a fetch, supervisor");
    t = access(read_it, true, WINDOW);
    expect_done(&t, "NX: reads are fine");
    t = access(write_it, true, WINDOW + 64);
    expect_done(&t, "NX: writes are fine");
    map(WINDOW, 0);
    t = access(call_it, true, WINDOW);
    expect(&t, VEC_PF, ERR_U | ERR_FETCH, (u8*)WINDOW, "NX: an absent page's fetch has the I/D bit too");
    map(WINDOW, (u32)first | PTE_USER);
    *pae_pde(root, WINDOW) |= PTE_NX;
    set_cr3(get_cr3());
    t = access(call_it, true, WINDOW);
    expect(&t, VEC_PF, ERR_U | ERR_P | ERR_FETCH, (u8*)WINDOW, "NX: in the upper level");
    *pae_pde(root, WINDOW) &= ~PTE_NX;
    set_cr3(get_cr3());
    t = access(call_it, true, WINDOW);
    expect_done(&t, "NX: and gone");
    // An instruction that runs on into a page that must not be executed.
    static const u8 move[] = {0xb8, 1, 2, 3, 4, 0xcd, VEC_DONE};
    memcpy(first + PAGE - 2, move, 2);
    memcpy(second, move + 2, 5);
    map(WINDOW, (u32)first | PTE_USER);
    map(WINDOW + PAGE, (u32)second | PTE_USER | PTE_NX);
    t = access(call_it, true, WINDOW + PAGE - 2);
    expect(&t, VEC_PF, ERR_U | ERR_P | ERR_FETCH, (u8*)WINDOW + PAGE - 2, "NX: the second half of an instruction");
    check_equal(t.cr2, WINDOW + PAGE, "NX: the second half of an instruction: CR2");
    map(WINDOW + PAGE, (u32)second | PTE_USER);
    t = access(call_it, true, WINDOW + PAGE - 2);
    check(t.vector == VEC_DONE && t.at.eax == 0x04030201, "NX: both halves allowed");
    // Hot code becomes forbidden, and allowed again.
    u32 wrong = 0;
    memcpy(first, done, 2);
    for (u32 i = 0; i < 60; ++i) {
        map(WINDOW, (u32)first | PTE_USER | (i % 3 == 2 ? PTE_NX : 0));
        t = access(call_it, i & 1, WINDOW);
        wrong += t.vector != (i % 3 == 2 ? VEC_PF : VEC_DONE);
    }
    check(!wrong, "NX: set and cleared under hot code");
    wrmsr(MSR_EFER, 0);
}

static void large_pages(void) {
    u64* d = pae_pde(root, 0x50000000);
    const u32 base = (u32)first & ~0x1fffffu, inside = (u32)first & 0x1fffff;
    *d = base | PTE_USER | PTE_PS;
    first[0] = 0x21;
    struct trap t = access(read_it, true, 0x50000000 + inside);
    check(t.vector == VEC_DONE && (t.at.eax & 0xff) == 0x21, "2 MiB page: a read, though CR4.PSE is clear");
    check((*d & (PTE_A | PTE_D)) == PTE_A, "2 MiB page: a read sets A");
    access(write_it, true, 0x50000000 + inside);
    check((*d & (PTE_A | PTE_D)) == (PTE_A | PTE_D) && first[0] == 0x44, "2 MiB page: a write lands and sets D");
    t = access(read_it, true, 0x50200000);
    expect(&t, VEC_PF, ERR_U, read_it_at, "2 MiB page: ends after 2 MiB");
    *d = base | PTE_USER | PTE_PS | 1u << 13;
    set_cr3(get_cr3());
    t = access(read_it, true, 0x50000000 + inside);
    expect(&t, VEC_PF, ERR_U | ERR_P | ERR_RSVD, read_it_at, "2 MiB page: bit 13 is reserved");
    *d = 0;
    set_cr3(get_cr3());
}

static void pointer_entries(void) {
    map(WINDOW, (u32)first | PTE_USER);
    access(read_it, true, WINDOW);
    const u64 kept = root[1];
    root[1] = 0;
    invlpg(WINDOW);
    struct trap t = access(read_it, true, WINDOW);
    expect_done(&t, "a pointer entry changed in memory has no effect");
    set_cr3(get_cr3());
    t = access(read_it, true, WINDOW);
    expect(&t, VEC_PF, ERR_U, read_it_at, "until CR3 is loaded");
    root[1] = kept;
    t = access(read_it, true, WINDOW);
    expect(&t, VEC_PF, ERR_U, read_it_at, "absence is kept like presence");
    set_cr3(get_cr3());
    t = access(read_it, true, WINDOW);
    expect_done(&t, "and back");
    // Reserved bits in a present pointer entry refuse the load.
    u64* other = new_page();
    memcpy(other, root, 32);
    other[2] = kept | PTE_W;
    struct context c = kernel_context(load_cr3);
    c.eax = (u32)other;
    t = run(&c);
    expect(&t, VEC_GP, 0, load_cr3_at, "mov cr3: reserved bits in a pointer entry");
    check_equal(get_cr3(), (u32)root, "mov cr3: refused, nothing changed");
    other[2] = PTE_W;
    t = run(&c);
    expect_done(&t, "mov cr3: an absent pointer entry may hold anything");
    set_cr3((u32)root);
    // CR3 has bits 5 to 31: the root need not begin a page.
    u64* shifted = (u64*)((u8*)other + 0x60);
    memcpy(shifted, root, 32);
    c.eax = (u32)shifted;
    t = run(&c);
    expect_done(&t, "mov cr3: a root at a multiple of 32");
    t = access(read_it, true, WINDOW);
    expect_done(&t, "and it is used");
    set_cr3((u32)root);
}

// A change of CR0.CD reads the pointer entries too. What is found by the new ones is as true as what CR3 brought.
static void pointer_entries_by_cr0(void) {
    u64 *other = new_page(), *table = new_page();
    const u32 place = WINDOW + 3 * PAGE, index = place >> 12 & 511;
    map(WINDOW, (u32)first | PTE_USER);
    access(read_it, true, WINDOW);
    other[place >> 21 & 511] = (u32)table | PTE_USER;
    table[index] = (u32)first | PTE_USER;
    *(u32*)first = 1;
    *(u32*)second = 2;
    const u64 kept = root[1];
    root[1] = (u32)other | PTE_P;
    set_cr0(get_cr0() | CR0_CD);
    set_cr0(get_cr0() & ~(CR0_CD | CR0_NW));
    struct trap t = access(read_it, true, place);
    check(t.vector == VEC_DONE && t.at.eax == 1, "a pointer entry read by a change of CR0.CD");
    table[index] = (u32)second | PTE_USER;
    invlpg(place);
    t = access(read_it, true, place);
    check(t.vector == VEC_DONE && t.at.eax == 2, "a page behind it, mapped elsewhere");
    root[1] = kept;
    set_cr3(get_cr3());
}

int main(void) {
    if (!(cpuid(1).edx & 1u << 6)) {
        check(true, "no PAE here");
        return 0;
    }
    root = new_pae_root();
    first = new_page();
    second = new_page();
    pae_pte(root, WINDOW);  // makes the pointer entry, which must be there when CR3 is loaded
    // CR0.PG on with bad pointer entries is refused as well.
    u64* bad = new_page();
    memcpy(bad, root, 32);
    bad[3] = 0xfull << 60 | PTE_P;
    set_cr4(get_cr4() | CR4_PAE);
    set_cr3((u32)bad);
    struct context c = kernel_context(turn_on);
    c.eax = get_cr0() | CR0_PG;
    const struct trap t = run(&c);
    expect(&t, VEC_GP, 0, turn_on_at, "mov cr0: paging on, reserved bits in a pointer entry");
    set_cr3((u32)root);
    paging_on(root);
    for (u32 i = 0; i < 4; ++i) rights_matrix(i & 2, i & 1);
    reserved_bits();
    execute_disable();
    large_pages();
    pointer_entries();
    pointer_entries_by_cr0();
    paging_off();
    set_cr4(get_cr4() & ~CR4_PAE);
    // Two levels again, with the same CPU.
    u32* directory = new_directory();
    paging_on(directory);
    *pte(directory, WINDOW) = (u32)first | PTE_USER;
    first[0] = 0x66;
    const struct trap two = access(read_it, true, WINDOW);
    check(two.vector == VEC_DONE && (two.at.eax & 0xff) == 0x66, "from three levels back to two");
    paging_off();
    return 0;
}
