// A VGA with the Bochs extension, without a BIOS: modes by their registers, and where the card is on the PCI bus.
#pragma once

#include "x86.h"

#define VGA_WINDOW ((volatile u8*)0xa0000)
#define VGA_TEXT ((volatile u8*)0xb8000)

enum { VBE_ID, VBE_XRES, VBE_YRES, VBE_BPP, VBE_ENABLE, VBE_BANK, VBE_VIRT_WIDTH, VBE_VIRT_HEIGHT, VBE_X, VBE_Y };
#define VBE_ON 0x41u  // with a linear framebuffer

static inline void outw(u16 port, u16 v) { asm volatile("outw %0, %1" ::"a"(v), "Nd"(port)); }
static inline u32 inl(u16 port) {
    u32 v;
    asm volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline void vbe(u16 index, u16 value) {
    outw(0x1ce, index);
    outw(0x1cf, value);
}
static inline void vbe_mode(u16 width, u16 height, u16 bits) {
    vbe(VBE_ENABLE, 0);
    vbe(VBE_XRES, width);
    vbe(VBE_YRES, height);
    vbe(VBE_BPP, bits);
    vbe(VBE_ENABLE, VBE_ON);
}

static inline void vga_sequencer(u8 index, u8 value) { outw(0x3c4, (u16)(value << 8 | index)); }
static inline void vga_graphics(u8 index, u8 value) { outw(0x3ce, (u16)(value << 8 | index)); }
static inline void vga_crtc(u8 index, u8 value) { outw(0x3d4, (u16)(value << 8 | index)); }
static inline void vga_attribute(u8 index, u8 value) {
    inb(0x3da);
    outb(0x3c0, index);
    outb(0x3c0, value);
}
static inline void vga_colour(u8 index, u8 red, u8 green, u8 blue) {
    outb(0x3c8, index);
    outb(0x3c9, red);
    outb(0x3c9, green);
    outb(0x3c9, blue);
}

// Registers of mode 13h (320 x 200, 256 colours) and mode 3 (80 x 25 characters of 9 x 16 dots).
void vga_mode_13h(void);
void vga_mode_3(void);
// PCI configuration, bus 0. The card's place; 0xffff if there is none.
u32 pci_read(u16 devfn, u8 offset);
void pci_write(u16 devfn, u8 offset, u32 value);
u16 pci_display(void);
// Has the card's memory decoded there; 0: not at all, but the window below 1 MiB goes on.
void vga_framebuffer_at(u16 devfn, u32 address);
