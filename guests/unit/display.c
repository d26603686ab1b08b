// The display's memory as memory: the linear framebuffer and the window below 1 MiB, in the modes where both are plain,
// where they are not, and while the card's registers and the bus change what is where. What is stored one way is read
// another.
#include "paging.h"
#include "trap.h"
#include "vga.h"

#define FIRST_PLACE 0xe8000000u
#define SECOND_PLACE 0xea000000u
#define MEMORY_BYTES (16u << 20)
#define BANK 0x10000u
#define ROUNDS 40  // enough for a translator to find the code hot

static u16 card;

static volatile u32* framebuffer(u32 offset) { return (volatile u32*)(FIRST_PLACE + offset); }

static u32 mix(u32 n) { return n * 2654435761u ^ n >> 7; }

static void fill(volatile u32* at, u32 words, u32 seed) {
    for (u32 n = 0; n < words; ++n) at[n] = mix(n + seed);
}
static u32 wrong_words(const volatile u32* at, u32 words, u32 seed) {
    u32 wrong = 0;
    for (u32 n = 0; n < words; ++n) wrong += at[n] != mix(n + seed);
    return wrong;
}

// The window is at a0000, 64 KiB long.
static void packed_mode(void) {
    vga_mode_13h();
    vbe_mode(640, 480, 32);
}

static void linear(void) {
    vga_framebuffer_at(card, FIRST_PLACE);
    packed_mode();
    fill(framebuffer(0), 640 * 480, 1);
    check_equal(wrong_words(framebuffer(0), 640 * 480, 1), 0, "words through the linear framebuffer");
    volatile u8* const bytes = (volatile u8*)framebuffer(0);
    for (u32 n = 0; n < 5000; ++n) bytes[n] = (u8)mix(n);
    u32 wrong = 0;
    for (u32 n = 0; n < 5000; ++n) wrong += bytes[n] != (u8)mix(n);
    check_equal(wrong, 0, "bytes through the linear framebuffer");
    for (u32 n = 0; n < 2048; ++n) *(volatile u32*)(bytes + 8190 + 4 * n) = n;
    for (u32 n = 0; n < 2048; ++n) wrong += *(volatile u32*)(bytes + 8190 + 4 * n) != n;
    check_equal(wrong, 0, "words across its pages");
    *framebuffer(MEMORY_BYTES - 4) = 0x12345678;
    check_equal(*framebuffer(MEMORY_BYTES - 4), 0x12345678, "its last word");
    memset((void*)(u32)framebuffer(0x100000), 0x5a, 0x20000);
    check_equal(*framebuffer(0x100000) ^ *framebuffer(0x11fffc), 0, "a string store over many pages");
    check_equal(*framebuffer(0x11fffc), 0x5a5a5a5a, "what it stored");
    vbe_mode(640, 480, 32);
    check_equal(*framebuffer(0x11fffc), 0, "setting a mode clears it");
}

static void banks(void) {
    u32 wrong = 0;
    for (u32 round = 0; round < ROUNDS; ++round) {
        const u16 bank = (u16)(round * 7 % 256);
        vbe(VBE_BANK, bank);
        fill((volatile u32*)VGA_WINDOW, 512, round);
        wrong += wrong_words(framebuffer(bank * BANK), 512, round);
        fill(framebuffer(bank * BANK + 0x8000), 512, round + 5);
        wrong += wrong_words((volatile u32*)(VGA_WINDOW + 0x8000), 512, round + 5);
    }
    check_equal(wrong, 0, "banks in the window are the framebuffer's memory");
    for (u32 bank = 0; bank < 256; ++bank) {
        vbe(VBE_BANK, (u16)bank);
        *(volatile u32*)VGA_WINDOW = mix(bank);
    }
    for (u32 bank = 0; bank < 256; ++bank) wrong += *framebuffer(bank * BANK) != mix(bank);
    check_equal(wrong, 0, "one store in each of all banks");
    vbe(VBE_BANK, 0);
}

static void moved(void) {
    *framebuffer(0x4000) = 0xcafe;
    u32 wrong = 0, left = 0;
    for (u32 round = 0; round < ROUNDS; ++round) {
        const u32 here = round & 1 ? FIRST_PLACE : SECOND_PLACE, there = FIRST_PLACE + SECOND_PLACE - here;
        vga_framebuffer_at(card, here);
        wrong += *(volatile u32*)(here + 0x4000) != 0xcafe + round;
        *(volatile u32*)(there + 0x4000) = 0xdead;
        left += *(volatile u32*)(there + 0x4000) == 0xcafe + round;
        ++*(volatile u32*)(here + 0x4000);
    }
    check_equal(wrong, 0, "the framebuffer is where its base address says");
    check_equal(left, 0, "and no more where it was");
    vga_framebuffer_at(card, 0);
    *framebuffer(0x4000) = 1;
    check(*framebuffer(0x4000) != 0xcafe + ROUNDS, "switched off it is nowhere");
    vga_framebuffer_at(card, FIRST_PLACE);
    check_equal(*framebuffer(0x4000), 0xcafe + ROUNDS, "and comes back as it was");
    // What lies behind RAM in an emulator's books is nothing of the guest's.
    for (u32 at = 64u << 20; at < (64u << 20) + MEMORY_BYTES; at += PAGE) *(volatile u32*)at = 0xbad;
    u32 reached = 0;
    for (u32 at = 0; at < MEMORY_BYTES; at += PAGE) reached += *framebuffer(at) == 0xbad;
    check_equal(reached, 0, "stores behind RAM do not reach it");
}

static void chained(void) {
    vga_mode_13h();
    for (u32 round = 0; round < 4; ++round) {
        fill((volatile u32*)VGA_WINDOW, 16000, round);
        check_equal(wrong_words((volatile u32*)VGA_WINDOW, 16000, round), 0, "mode 13h, round %u", round);
        check_equal(wrong_words(framebuffer(0), 16000, round), 0, "mode 13h in the framebuffer, round %u", round);
    }
    u32 wrong = 0;
    for (u32 round = 0; round < ROUNDS; ++round) {
        volatile u8* const at = VGA_WINDOW + round * 64;
        vga_sequencer(2, 0x0f);
        for (u32 n = 0; n < 8; ++n) at[n] = 0x11;
        vga_sequencer(2, 0x05);  // planes 0 and 2 only
        for (u32 n = 0; n < 8; ++n) at[n] = 0x22;
        vga_sequencer(2, 0x0f);
        for (u32 n = 0; n < 8; ++n) wrong += at[n] != (n & 1 ? 0x11 : 0x22);
    }
    check_equal(wrong, 0, "the map mask holds at once");
    for (u32 n = 0; n < 8; ++n) VGA_WINDOW[n] = 0xff;
    vga_graphics(8, 0x0f);
    VGA_WINDOW[0] = 0;
    vga_graphics(8, 0xff);
    VGA_WINDOW[1] = 0x33;
    check_equal(VGA_WINDOW[1], 0x33, "the bit mask is gone at once");
    check_equal(VGA_WINDOW[3], 0xff, "what was not written stays");
    // Mode X: one byte for four pixels.
    vga_sequencer(4, 0x06);
    for (u8 plane = 0; plane < 4; ++plane) {
        vga_sequencer(2, (u8)(1 << plane));
        for (u32 n = 0; n < 256; ++n) VGA_WINDOW[n] = (u8)(n + plane * 50);
    }
    for (u8 plane = 0; plane < 4; ++plane) {
        vga_graphics(4, plane);
        for (u32 n = 0; n < 256; ++n) wrong += VGA_WINDOW[n] != (u8)(n + plane * 50);
    }
    check_equal(wrong, 0, "unchained, planes are apart");
    vga_sequencer(4, 0x0e);
    vga_sequencer(2, 0x0f);
    VGA_WINDOW[0x100] = 0x77;
    check_equal(((volatile u8*)framebuffer(0))[0x100], 0x77, "chained again");
    outb(0x3c2, 0x61);
    VGA_WINDOW[0x100] = 0x78;
    outb(0x3c2, 0x63);
    check_equal(VGA_WINDOW[0x100], 0x78, "the miscellaneous output register does not close the window");
    vga_graphics(6, 0x0d);
    VGA_TEXT[0x100] = 0x79;
    vga_graphics(6, 0x05);
    check_equal(VGA_WINDOW[0x100], 0x79, "the window's place moves at once");
}

static void text(void) {
    vga_mode_3();
    u32 wrong = 0;
    for (u32 round = 0; round < ROUNDS; ++round) {
        for (u32 n = 0; n < 4000; ++n) VGA_TEXT[n] = (u8)mix(n + round);
        for (u32 n = 0; n < 4000; ++n) wrong += VGA_TEXT[n] != (u8)mix(n + round);
    }
    check_equal(wrong, 0, "text");
    volatile u16* const cells = (volatile u16*)VGA_TEXT;
    for (u32 n = 0; n < 0x4000; ++n) cells[n] = (u16)mix(n);
    for (u32 row = 1; row < 25; ++row)
        for (u32 n = 0; n < 80; ++n) cells[(row - 1) * 80 + n] = cells[row * 80 + n];
    for (u32 n = 0; n < 24 * 80; ++n) wrong += cells[n] != (u16)mix(n + 80);
    check_equal(wrong, 0, "a screen of text that scrolls");
    // A font goes into plane 2 between two characters, and the characters are still there.
    vga_sequencer(2, 0x04);
    vga_sequencer(4, 0x06);
    vga_graphics(4, 2);
    vga_graphics(5, 0);
    vga_graphics(6, 0x04);
    for (u32 n = 0; n < 0x2000; ++n) VGA_WINDOW[n] = (u8)mix(n);
    for (u32 n = 0; n < 0x2000; ++n) wrong += VGA_WINDOW[n] != (u8)mix(n);
    check_equal(wrong, 0, "a font in plane 2");
    vga_mode_3();
    for (u32 n = 24 * 80; n < 0x4000; ++n) wrong += cells[n] != (u16)mix(n);
    check_equal(wrong, 0, "which leaves the text alone");
}

// A function that returns `value`.
static void write_function(volatile u8* at, u32 value) {
    at[0] = 0xb8;
    *(volatile u32*)(at + 1) = value;
    at[5] = 0xc3;
}
static u32 call(u32 code) {
    u32 r;
    asm volatile("call *%1" : "=a"(r) : "r"(code) : "ecx", "edx", "memory");
    return r;
}

static void code(void) {
    packed_mode();
    vbe(VBE_BANK, 0);
    u32 wrong = 0;
    for (u32 round = 0; round < ROUNDS; ++round) {
        write_function((volatile u8*)framebuffer(0x3000), round);
        wrong += call(FIRST_PLACE + 0x3000) != round;
        wrong += call(0xa3000) != round;
        *(volatile u32*)(VGA_WINDOW + 0x3001) = ~round;  // by the other way
        wrong += call(FIRST_PLACE + 0x3000) != ~round;
    }
    check_equal(wrong, 0, "code in the framebuffer, changed through the window");
    for (u32 round = 0; round < ROUNDS; ++round) {
        for (u16 bank = 0; bank < 2; ++bank) {
            vbe(VBE_BANK, bank);
            write_function(VGA_WINDOW + 0x5000, round * 2 + bank);
        }
        for (u16 bank = 0; bank < 2; ++bank) {
            vbe(VBE_BANK, bank);
            wrong += call(0xa5000) != round * 2 + bank;
        }
    }
    check_equal(wrong, 0, "code in a window whose bank changes");
    write_function((volatile u8*)framebuffer(0x3000), 1);
    wrong += call(FIRST_PLACE + 0x3000) != 1;
    vbe_mode(640, 480, 32);  // clears it
    write_function((volatile u8*)framebuffer(0x3000), 2);
    check_equal(call(FIRST_PLACE + 0x3000), 2, "code where a mode was set");
    vbe(VBE_BANK, 0);
}

#define VIEW 0x40000000u
#define LARGE_VIEW 0x50000000u

SNIPPET(store_many, "mov $0x40000000, %edi\n mov $2048, %ecx\n", "1: mov %ecx, (%edi)\n add $4, %edi\n loop 1b\n");

static void paged(u32 global) {
    u32* const directory = new_directory();
    for (u32 n = 0; n < 64; ++n) *pte(directory, VIEW + n * PAGE) = (FIRST_PLACE + n * PAGE) | PTE_USER | global;
    for (u32 n = 0; n < 16; ++n) *pte(directory, VIEW + (64 + n) * PAGE) = (0xa0000 + n * PAGE) | PTE_USER | global;
    *pde(directory, LARGE_VIEW) = FIRST_PLACE | PTE_USER | PTE_PS | global;
    *pde(directory, FIRST_PLACE) = FIRST_PLACE | PTE_KERNEL | PTE_PS | global;
    *pde(directory, SECOND_PLACE) = SECOND_PLACE | PTE_KERNEL | PTE_PS | global;
    set_cr4(get_cr4() | CR4_PSE | (global ? CR4_PGE : 0));
    paging_on(directory);
    volatile u32 *const small = (volatile u32*)VIEW, *const large = (volatile u32*)LARGE_VIEW;
    volatile u32* const window = (volatile u32*)(VIEW + 64 * PAGE);
    u32 wrong = 0;
    for (u32 round = 0; round < ROUNDS; ++round) {
        fill(small, 4096, round);
        wrong += wrong_words(large, 4096, round);
        vbe(VBE_BANK, round & 1);
        fill(window, 512, round + 9);
        wrong += wrong_words(large + (round & 1) * BANK / 4, 512, round + 9);
        set_cr3((u32)directory);
    }
    check_equal(wrong, 0, "pages of it, small and large%s", global ? ", global" : "");
    for (u32 round = 0; round < 8; ++round) {
        const struct trap t = run_user(store_many);
        wrong += t.vector != VEC_DONE;
        for (u32 n = 0; n < 2048; ++n) wrong += large[n] != 2048 - n;
        memset((void*)(u32)large, 0, 8192);
    }
    check_equal(wrong, 0, "stores of user mode%s", global ? ", global pages" : "");
    // The page tables stay as they are, and what they lead to moves.
    large[0x1000] = 0x1234;
    vga_framebuffer_at(card, SECOND_PLACE);
    large[0x1000] = 1;
    check(small[0x1000] != 0x1234, "moved away from under its page tables%s", global ? ", global" : "");
    check_equal(*(volatile u32*)(SECOND_PLACE + 0x4000), 0x1234, "to where they lead too%s", global ? ", global" : "");
    vga_framebuffer_at(card, FIRST_PLACE);
    check_equal(small[0x1000], 0x1234, "and back%s", global ? ", global" : "");
    // A page table in the framebuffer itself.
    u32* const frame = new_page();
    *frame = 0x600d;
    volatile u32* const table = framebuffer(0x200000);
    table[0] = (u32)frame | PTE_USER;
    *pde(directory, 0x60000000) = (FIRST_PLACE + 0x200000) | PTE_USER;
    set_cr3((u32)directory);
    check_equal(*(volatile u32*)0x60000000, 0x600d, "a page table in it%s", global ? ", global" : "");
    check_equal(table[0] & PTE_A, PTE_A, "is marked as accessed%s", global ? ", global" : "");
    table[0] = (u32)new_page() | PTE_USER;
    invlpg(0x60000000);
    check_equal(*(volatile u32*)0x60000000, 0, "and changes%s", global ? ", global" : "");
    *pde(directory, 0x60000000) = 0;
    set_cr3((u32)directory);
    paging_off();
    set_cr4(get_cr4() & ~(CR4_PSE | CR4_PGE));
}

int main(void) {
    card = pci_display();
    if (card == 0xffff) give_up("no display card");
    linear();
    banks();
    moved();
    chained();
    text();
    code();
    paged(0);
    paged(PTE_G);
    return 0;
}
