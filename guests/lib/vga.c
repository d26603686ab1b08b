// Sets video modes by hand (IBM PS/2 Video Subsystem, the tables of its BIOS modes).
#include "vga.h"

struct mode {
    u8 misc, sequencer[5], crtc[25], graphics[9], attribute[21];
};

static const struct mode mode_13h = {
    0x63, {0x03, 0x01, 0x0f, 0x00, 0x0e},
    {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0x00, 0x41, 0, 0, 0, 0, 0, 0, 0x9c, 0x0e, 0x8f, 0x28, 0x40, 0x96,
     0xb9, 0xa3, 0xff},
    {0, 0, 0, 0, 0, 0x40, 0x05, 0x0f, 0xff},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x41, 0, 0x0f, 0, 0}};
static const struct mode mode_3 = {
    0x67, {0x03, 0x00, 0x03, 0x00, 0x02},
    {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x20, 0x0e, 0, 0, 0, 0, 0x9c, 0x0e, 0x8f, 0x28, 0x1f,
     0x96, 0xb9, 0xa3, 0xff},
    {0, 0, 0, 0, 0, 0x10, 0x0e, 0x00, 0xff},
    {0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x0c, 0, 0x0f, 0x08, 0}};

static void set(const struct mode* m) {
    vbe(VBE_ENABLE, 0);
    outb(0x3c2, m->misc);
    for (u8 n = 0; n < sizeof m->sequencer; ++n) vga_sequencer(n, m->sequencer[n]);
    vga_crtc(0x11, 0);  // registers 0 to 7 are open
    for (u8 n = 0; n < sizeof m->crtc; ++n) vga_crtc(n, m->crtc[n]);
    for (u8 n = 0; n < sizeof m->graphics; ++n) vga_graphics(n, m->graphics[n]);
    for (u8 n = 0; n < sizeof m->attribute; ++n) vga_attribute(n, m->attribute[n]);
    inb(0x3da);
    outb(0x3c0, 0x20);
    outb(0x3c6, 0xff);
}

void vga_mode_13h(void) { set(&mode_13h); }
void vga_mode_3(void) { set(&mode_3); }

static void select(u16 devfn, u8 offset) { outl(0xcf8, 1u << 31 | (u32)devfn << 8 | (offset & 0xfcu)); }

u32 pci_read(u16 devfn, u8 offset) {
    select(devfn, offset);
    return inl(0xcfc);
}

void pci_write(u16 devfn, u8 offset, u32 value) {
    select(devfn, offset);
    outl(0xcfc, value);
}

u16 pci_display(void) {
    for (u16 devfn = 0; devfn < 256; devfn += 8)
        if (pci_read(devfn, 0) != ~0u && pci_read(devfn, 8) >> 24 == 3) return devfn;
    return 0xffff;
}

void vga_framebuffer_at(u16 devfn, u32 address) {
    const u32 command = pci_read(devfn, 4) & 0xffff;
    pci_write(devfn, 4, command & ~2u);
    if (!address) return;
    pci_write(devfn, 0x10, address);
    pci_write(devfn, 4, command | 3);
}
