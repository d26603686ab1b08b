// Paints the screen by direct stores when a key says so, for displays to be looked at while it does: 1 the linear
// framebuffer with 32 bits, 2 mode 13h, 3 text, and 4 a few pixels of whatever there is. It says "R" when it is ready and
// after each painting. Paging is on, and CR3 is loaded after each painting.
#include "paging.h"
#include "protocol.h"
#include "report.h"
#include "vga.h"

#define PLACE 0xe8000000u
#define PIXELS (640u * 480)

static u32 seed, mode;

static void paint_framebuffer(void) {
    if (mode != 1) vbe_mode(640, 480, 32);
    volatile u32* const at = (volatile u32*)PLACE;
    for (u32 n = 0; n < PIXELS; ++n) at[n] = (n + seed * 977) * 2654435761u;
}

static void paint_13h(void) {
    if (mode != 2) {
        vga_mode_13h();
        for (u32 n = 0; n < 256; ++n) vga_colour((u8)n, (u8)(n >> 2), (u8)(63 - (n >> 2)), (u8)(n & 63));
    }
    for (u32 n = 0; n < 64000; ++n) VGA_WINDOW[n] = (u8)(n / 320 + n + seed * 31);
}

static void paint_text(void) {
    if (mode != 3) {
        vga_mode_3();
        for (u32 n = 0; n < 64; ++n) vga_colour((u8)n, (u8)n, (u8)(63 - n), (u8)(n * 7 & 63));
    }
    for (u32 n = 0; n < 4000; ++n) VGA_TEXT[n] = (u8)((n & 1 ? n * 3 : n) + seed * 29) & 0x7f;
}

static void touch(void) {
    for (u32 n = 0; n < 5; ++n) {
        if (mode == 1) ((volatile u32*)PLACE)[n * 60001] = seed * 0x123457 + n;
        if (mode == 2) VGA_WINDOW[n * 12001] = (u8)(seed * 77 + n);
        if (mode == 3) VGA_TEXT[n * 800] = (u8)(seed * 11 + n) & 0x7f;
    }
}

int main(void) {
    vga_framebuffer_at(pci_display(), PLACE);
    u32* const directory = new_directory();
    *pde(directory, PLACE) = PLACE | PTE_KERNEL | PTE_PS | PTE_G;
    set_cr4(get_cr4() | CR4_PSE | CR4_PGE);
    paging_on(directory);
    outb(PROTOCOL_CONSOLE_PORT, 'R');
    for (;;) {
        while (!(inb(0x64) & 1)) {}
        const u32 wanted = inb(0x60) - 1u;
        if (wanted < 1 || wanted > 4) continue;
        ++seed;
        if (wanted == 1) paint_framebuffer();
        if (wanted == 2) paint_13h();
        if (wanted == 3) paint_text();
        if (wanted == 4) touch();
        if (wanted != 4) mode = wanted;
        set_cr3((u32)directory);
        outb(PROTOCOL_CONSOLE_PORT, 'R');
    }
}
