// What stores into the display's memory cost, by the ways that there are. "through the card" is mode 13h with a bit mask,
// which makes each access the card's: what all of them were before its memory was memory. bench/nano --screen runs it.
#include "measure.h"
#include "report.h"
#include "vga.h"

#define PLACE 0xe8000000u
#define BANK_WORDS 0x4000u

static void fill(volatile u32* at, u32 words) {
    for (u32 n = 0; n < words; ++n) at[n] = n;
}

static void framebuffer(u32 n) { fill((volatile u32*)PLACE, n); }
static void framebuffer_string(u32 n) {
    void* to = (void*)PLACE;
    asm volatile("rep stosl" : "+D"(to), "+c"(n) : "a"(0x123456) : "memory");
}
static void framebuffer_read(u32 n) {
    u32 sum = 0;
    for (u32 i = 0; i < n; ++i) sum += ((volatile u32*)PLACE)[i];
    *(volatile u32*)PLACE = sum;
}
static void window(u32 n) { fill((volatile u32*)VGA_WINDOW, n); }
static void text(u32 n) {
    for (u32 i = 0; i < n; ++i) ((volatile u16*)VGA_TEXT)[i] = (u16)(i | 0x700);
}
// In planes: eight pixels by a store, by a string store, by a copy through the latches; one pixel by the bit mask, with a
// load and a store or an instruction that is both.
static void planar(u32 n) {
    for (u32 i = 0; i < n; ++i) VGA_WINDOW[i] = (u8)i;
}
static void planar_string(u32 n) {
    void* to = (void*)VGA_WINDOW;
    asm volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(0x5a) : "memory");
}
static void planar_words(u32 n) {
    void* to = (void*)VGA_WINDOW;
    asm volatile("rep stosl" : "+D"(to), "+c"(n) : "a"(0x5a5a5a5a) : "memory");
}
static void planar_copy(u32 n) {
    const void* from = (const void*)(VGA_WINDOW + 0x4000);
    void* to = (void*)VGA_WINDOW;
    asm volatile("rep movsb" : "+S"(from), "+D"(to), "+c"(n) : : "memory");
}
static void planar_pixels(u32 n) {
    for (u32 i = 0; i < n; ++i) {
        vga_graphics(8, (u8)(0x80 >> (i & 7)));
        VGA_WINDOW[i >> 3] |= 1;
    }
}
static void planar_masks(u32 n) {
    for (u32 i = 0; i < n; ++i) vga_graphics(8, (u8)(0x80 >> (i & 7)));
}
static void planar_reads(u32 n) {
    u32 sum = 0;
    for (u32 i = 0; i < n; ++i) sum += VGA_WINDOW[i >> 3];
    VGA_WINDOW[0] = (u8)sum;
}
static void planar_ors(u32 n) {
    for (u32 i = 0; i < n; ++i) {
        vga_graphics(8, (u8)(0x80 >> (i & 7)));
        asm volatile("orb $1, %0" : "+m"(VGA_WINDOW[i >> 3]));
    }
}
static void planar_exchanges(u32 n) {
    u8 colour = 5;
    for (u32 i = 0; i < n; ++i) {
        vga_graphics(8, (u8)(0x80 >> (i & 7)));
        asm volatile("xchgb %0, %1" : "+m"(VGA_WINDOW[i >> 3]), "+q"(colour));
    }
}
static void banks(u32 n) {
    for (u32 bank = 0; bank < n; ++bank) {
        vbe(VBE_BANK, (u16)bank);
        fill((volatile u32*)VGA_WINDOW, BANK_WORDS);
    }
}

int main(void) {
    const u16 card = pci_display();
    if (card == 0xffff) give_up("no display card");
    vga_framebuffer_at(card, PLACE);
    vga_mode_13h();
    measure("a store to mode 13h", window, 16000, 20);
    vga_graphics(8, 0xfe);
    measure("the same through the card", window, 1000, 20);
    vga_graphics(8, 0xff);
    vga_sequencer(4, 0x06);  // not chained: four planes
    vga_graphics(5, 0);
    measure("planes: a byte", planar, 16000, 20);
    measure("planes: a byte of rep stosb", planar_string, 16000, 20);
    measure("planes: a dword of rep stosl", planar_words, 4000, 20);
    vga_graphics(5, 1);
    measure("planes: a byte copied through the latches", planar_copy, 16000, 20);
    vga_graphics(5, 0);
    measure("planes: a bit mask", planar_masks, 1000, 20);
    measure("planes: a byte read", planar_reads, 1000, 20);
    measure("planes: one pixel by a load and a store", planar_pixels, 1000, 20);
    measure("planes: one pixel by OR", planar_ors, 1000, 20);
    measure("planes: one pixel by XCHG", planar_exchanges, 1000, 20);
    vga_mode_3();
    measure("a character of text", text, 2000, 20);
    vga_mode_13h();
    vbe_mode(1024, 768, 32);
    measure("a store to the framebuffer", framebuffer, 1024 * 768, 3);
    measure("the same by a string store", framebuffer_string, 1024 * 768, 3);
    measure("a read of the framebuffer", framebuffer_read, 65536, 3);
    measure("a bank of 64 KiB, selected and filled", banks, 4, 3);
    check(true, "all measured");
    return 0;
}
