// What a CPU may have cached and must let go: code and descriptors whose pages are mapped elsewhere, in the order of
// events in which a translator may come to believe that nothing has changed.
#include "paging.h"
#include "trap.h"

#define WINDOW 0x40000000u
#define LARGE 0x48000000u
static u32* directory;

static void put_function(u8* at, u32 answer) {
    at[0] = 0xb8;  // mov $answer, %eax
    *(u32*)(at + 1) = answer;
    at[5] = 0xc3;
}

static u32 call(u32 address) {
    u32 r;
    asm volatile("call *%1" : "=a"(r) : "r"(address) : "memory", "ecx", "edx");
    return r;
}

// Between the entry's change and INVLPG, code of the page that was not run before is looked up, in the new frame.
static void looked_up_before_invlpg(void) {
    u8 *old = new_page(), *now = new_page();
    for (u32 n = 0; n < 2; ++n) {
        put_function(old + 0x100 * n, 10 + n);
        put_function(now + 0x100 * n, 20 + n);
    }
    u32* p = pte(directory, WINDOW);
    *p = (u32)old | PTE_KERNEL;
    invlpg(WINDOW);
    check_equal(call(WINDOW), 10, "code before its page is mapped elsewhere");
    *p = (u32)now | PTE_KERNEL;
    const u32 between = call(WINDOW + 0x100);
    check(between == 11 || between == 21, "other code of the page, before invlpg");
    invlpg(WINDOW);
    check_equal(call(WINDOW), 20, "code behind invlpg, another part of the page having run before it");
    check_equal(call(WINDOW + 0x100), 21, "that other part behind invlpg");
}

// INVLPG of any address in a large page takes all of it.
static void large_page_of_code(void) {
    u8 *old = (u8*)0x1400000, *now = (u8*)0x1800000;
    put_function(old + 0x5000, 1);
    put_function(now + 0x5000, 2);
    set_cr4(get_cr4() | CR4_PSE);
    u32* d = &directory[LARGE >> 22];
    *d = (u32)old | PTE_KERNEL | PTE_PS;
    invlpg(LARGE);
    check_equal(call(LARGE + 0x5000), 1, "code in a large page");
    *d = (u32)now | PTE_KERNEL | PTE_PS;
    invlpg(LARGE + 0x300000);
    check_equal(call(LARGE + 0x5000), 2, "code in a large page, behind invlpg of another part of it");
    *d = 0;
    invlpg(LARGE);
}

// The same for data, of a page that is every space's.
static void large_page_of_data(u32 rights) {
    u32 *old = (u32*)0x1400000, *now = (u32*)0x1800000;
    volatile u32* inside = (volatile u32*)(LARGE + 0x205000);
    old[0x205000 / 4] = 1;
    now[0x205000 / 4] = 2;
    set_cr4(get_cr4() | CR4_PSE | CR4_PGE);
    u32* d = &directory[LARGE >> 22];
    *d = (u32)old | PTE_KERNEL | PTE_PS | rights;
    invlpg(LARGE);
    check_equal(*inside, 1, "data in a large page, rights %x", rights);
    *d = (u32)now | PTE_KERNEL | PTE_PS | rights;
    invlpg(LARGE + 0x1000);
    check_equal(*inside, 2, "data in a large page, behind invlpg in its other half, rights %x", rights);
    *d = 0;
    invlpg(LARGE);
    set_cr4(get_cr4() & ~CR4_PGE);
}

// A bit that INVLPG has made the CPU forget is set again by the next fetch.
static void accessed_by_fetches(void) {
    u8* code = new_page();
    put_function(code, 5);
    u32* p = pte(directory, WINDOW);
    *p = (u32)code | PTE_KERNEL;
    invlpg(WINDOW);
    u32 wrong = 0;
    for (u32 i = 0; i < 20; ++i) {
        wrong += call(WINDOW) != 5 || !(*p & PTE_A);
        *p &= ~PTE_A;
        invlpg(WINDOW);
    }
    check(!wrong, "a fetch sets A again behind invlpg");
}

static u32 read_through_fs(u16 selector) {
    u32 r;
    asm volatile("mov %1, %%fs\n mov %%fs:0, %0" : "=r"(r) : "r"((u32)selector) : "memory");
    return r;
}

// The GDT's own page is mapped elsewhere, and CR3 is loaded with what it held.
static void descriptor_table_elsewhere(void) {
    static u32 places[2] = {0x111, 0x222};
    u64* frames[2] = {new_page(), new_page()};
    for (u32 n = 0; n < 2; ++n) {
        memcpy(frames[n], gdt, sizeof gdt);
        frames[n][SEL_TEST / 8] = make_segment((u32)&places[n], 0xfffff, ATTR_DATA | ATTR_32 | ATTR_PAGES);
    }
    u32* p = pte(directory, WINDOW);
    *p = (u32)frames[0] | PTE_KERNEL;
    invlpg(WINDOW);
    load_gdt((void*)WINDOW, sizeof gdt - 1);
    u32 wrong = 0;
    for (u32 i = 0; i < 20; ++i) wrong += read_through_fs(SEL_TEST) != 0x111;
    check(!wrong, "a descriptor that is loaded again and again");
    *p = (u32)frames[1] | PTE_KERNEL;
    set_cr3(get_cr3());
    check_equal(read_through_fs(SEL_TEST), 0x222, "the GDT mapped elsewhere, behind a load of CR3");
    *p = (u32)frames[0] | PTE_KERNEL;
    invlpg(WINDOW);
    check_equal(read_through_fs(SEL_TEST), 0x111, "the GDT mapped elsewhere, behind invlpg");
    asm volatile("mov %0, %%fs" ::"r"(SEL_KDATA));
    load_gdt(gdt, sizeof gdt - 1);
}

// User code writes the entry that maps it, calls on, and returns to its page after the kernel's INVLPG.
SNIPPET(elsewhere, "int $0x70\n ret", "nop");
extern const u8 invlpg_handler[];
asm(".text\ninvlpg_handler: invlpg (%ebp)\n iretl");

static void return_to_what_was_there(void) {
    static const u8 text[] = {
        0x89, 0x0e,                    // mov %ecx, (%esi): the entry
        0xff, 0xd7,                    // call *%edi
        0xb8, 0x01, 0x00, 0x00, 0x00,  // mov $1, %eax
        0xcd, VEC_DONE,
    };
    u8 *old = new_page(), *now = new_page();
    memcpy(old, text, sizeof text);
    memcpy(now, text, sizeof text);
    now[5] = 2;
    u32* p = pte(directory, WINDOW);
    *p = (u32)old | PTE_USER;
    invlpg(WINDOW);
    set_idt_gate(0x70, SEL_KCODE, invlpg_handler, ATTR_INT32 | ATTR_DPL(3));
    struct context c = user_context((const void*)WINDOW);
    c.esi = (u32)p;
    c.edi = (u32)elsewhere;
    c.ebp = WINDOW;
    for (u32 i = 0; i < 4; ++i) {
        c.ecx = *p;
        const struct trap t = run(&c);
        check(t.vector == VEC_DONE && t.at.eax == 1, "user code that writes its own entry, unchanged, %u", i);
    }
    c.ecx = (u32)now | PTE_USER;
    const struct trap t = run(&c);
    check(t.vector == VEC_DONE && t.at.eax == 2, "user code that maps itself elsewhere, calls, and returns after invlpg");
    reset_idt_gate(0x70);
}

int main(void) {
    directory = new_directory();
    for (u32 a = 16u << 20; a < 64u << 20; a += PAGE) *pte(directory, a) = a | PTE_USER;
    paging_on(directory);
    looked_up_before_invlpg();
    large_page_of_code();
    large_page_of_data(0);
    large_page_of_data(PTE_G);
    accessed_by_fetches();
    descriptor_table_elsewhere();
    return_to_what_was_there();
    return 0;
}
