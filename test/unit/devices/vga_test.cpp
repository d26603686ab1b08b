// The VGA: registers, memory through planes and latches, VBE, and what is on the screen.
#include <algorithm>
#include <random>

#include <catch2/catch.hpp>

#include "devices/pci_bus.h"
#include "devices/vga_card.h"
#include "test/unit/devices/support.h"

using namespace ringfold;

namespace {

struct Screen {
    ManualClock clock;
    std::vector<uint8_t> vga_bytes = std::vector<uint8_t>(Vga::kMemoryBytes + kVgaTextBytes);
    VideoMemory vga_memory{vga_bytes};
    Vga vga{clock, vga_memory};

    void port(uint32_t at, unsigned value) { vga.ports().write(at - 0x3b0, 1, value); }
    unsigned port(uint32_t at) { return vga.ports().read(at - 0x3b0, 1) & 0xff; }
    void sequencer(unsigned index, unsigned value) { indexed(0x3c4, index, value); }
    void graphics(unsigned index, unsigned value) { indexed(0x3ce, index, value); }
    void crtc(unsigned index, unsigned value) { indexed(0x3d4, index, value); }
    void indexed(uint32_t at, unsigned index, unsigned value) {
        port(at, index);
        port(at + 1, value);
    }
    void attribute(unsigned index, unsigned value) {
        port(0x3da);
        port(0x3c0, index);
        port(0x3c0, value);
    }
    void show() {
        port(0x3da);
        port(0x3c0, 0x20);
    }
    void colour(unsigned index, unsigned red, unsigned green, unsigned blue) {
        port(0x3c8, index);
        for (const unsigned c : {red, green, blue}) port(0x3c9, c);
    }
    void vbe(unsigned index, unsigned value) {
        vga.vbe_ports().write(0, 2, index);
        vga.vbe_ports().write(1, 2, value);
    }
    unsigned vbe(unsigned index) {
        vga.vbe_ports().write(0, 2, index);
        return vga.vbe_ports().read(1, 2);
    }
    void poke(uint32_t physical, unsigned value) { vga.window().write(physical - 0xa0000, 1, value); }
    unsigned peek(uint32_t physical) { return vga.window().read(physical - 0xa0000, 1) & 0xff; }

    // Registers as a BIOS leaves them in the modes named, as far as they matter here.
    void text_mode() {
        port(0x3c2, 0x67);
        sequencer(1, 0x00);
        sequencer(2, 0x03);
        sequencer(4, 0x02);
        graphics(5, 0x10);
        graphics(6, 0x0e);
        graphics(8, 0xff);
        geometry(79, 399, 0x4f, 40, 0xa3);
        crtc(0x0a, 0x0d);
        crtc(0x0b, 0x0e);
        palette();
        attribute(0x10, 0x0c);
        show();
    }
    void graphics_mode(unsigned memory_mode, unsigned mode, unsigned scan, unsigned offset) {
        port(0x3c2, 0x63);
        sequencer(1, 0x01);
        sequencer(2, 0x0f);
        sequencer(4, memory_mode);
        graphics(5, mode);
        graphics(6, 0x05);
        graphics(7, 0x0f);
        graphics(8, 0xff);
        geometry(79, 399, scan, offset, 0xa3);
        palette();
        attribute(0x10, 0x01);
        show();
    }
    void geometry(unsigned columns, unsigned last_line, unsigned scan, unsigned offset, unsigned mode) {
        crtc(0x11, 0);
        crtc(1, columns);
        crtc(7, (last_line & 0x100) >> 7 | 0x10);
        crtc(9, scan);
        crtc(0x12, last_line & 0xff);
        crtc(0x13, offset);
        crtc(0x17, mode);
        crtc(0x18, 0xff);
    }
    void palette() {
        for (unsigned n = 0; n < 16; ++n) attribute(n, n);
        attribute(0x12, 0x0f);
        for (unsigned n = 0; n < 16; ++n) colour(n, n, 2 * n, 3 * n);
    }
};

unsigned red_at(const Picture& p, unsigned x, unsigned y) {
    return p.rgb.at((y * p.width + x) * 3);
}
unsigned wide(unsigned six_bits) {
    return six_bits << 2 | six_bits >> 4;
}

}  // namespace

TEST_CASE("CRT controller and status sit at the colour or the monochrome ports") {
    Screen s;
    s.port(0x3c2, 0x01);
    s.port(0x3d4, 0x0e);
    CHECK(s.port(0x3d4) == 0x0e);
    CHECK(s.port(0x3b4) == 0xff);
    s.port(0x3c2, 0x00);
    CHECK(s.port(0x3b4) == 0x0e);
    CHECK(s.port(0x3d4) == 0xff);
    CHECK(s.port(0x3cc) == 0x00);
}

TEST_CASE("indexed registers keep the bits that exist") {
    Screen s;
    s.sequencer(4, 0xff);
    CHECK(s.port(0x3c5) == 0x0e);
    s.sequencer(7, 0xff);
    CHECK(s.port(0x3c5) == 0);
    s.graphics(5, 0xff);
    CHECK(s.port(0x3cf) == 0x7b);
    s.graphics(15, 0xff);
    CHECK(s.port(0x3cf) == 0);
    s.port(0x3c2, 1);
    s.crtc(0xff, 1);
    CHECK(s.port(0x3d5) == 0);
}

TEST_CASE("one bit protects the CRT controller's timing, but not its line compare") {
    Screen s;
    s.port(0x3c2, 1);
    s.crtc(0x11, 0x80);
    s.crtc(1, 0x4f);
    CHECK(s.port(0x3d5) == 0);
    s.crtc(7, 0xff);
    CHECK(s.port(0x3d5) == 0x10);
    s.crtc(0x0e, 0x12);
    CHECK(s.port(0x3d5) == 0x12);
}

TEST_CASE("index and data of the attribute controller come by turns") {
    Screen s;
    s.port(0x3c2, 1);
    s.attribute(0x10, 0xff);
    CHECK(s.port(0x3c0) == 0x10);
    CHECK(s.port(0x3c1) == 0xef);
    s.port(0x3da);
    s.port(0x3c0, 0x20 | 3);  // the palette is locked while the screen is on
    s.port(0x3c0, 0x15);
    CHECK(s.port(0x3c1) == 0);
    s.attribute(3, 0xff);
    CHECK(s.port(0x3c1) == 0x3f);
}

TEST_CASE("the DAC takes and gives three components, six bits each") {
    Screen s;
    s.colour(0xff, 0xff, 1, 2);
    s.port(0x3c7, 0xff);
    CHECK(s.port(0x3c7) == 3);
    CHECK(s.port(0x3c9) == 0x3f);
    CHECK(s.port(0x3c9) == 1);
    CHECK(s.port(0x3c9) == 2);
    CHECK(s.port(0x3c9) == 0);  // around to colour 0
}

TEST_CASE("retrace comes and goes with the time") {
    Screen s;
    s.port(0x3c2, 1);
    unsigned changes = 0, last = s.port(0x3da) & 8;
    for (int n = 0; n < 1000; ++n) {
        s.clock.step(100'000);
        const unsigned now = s.port(0x3da) & 8;
        changes += now != last;
        last = now;
    }
    CHECK(changes >= 12);
    CHECK(changes <= 16);
}

TEST_CASE("memory answers where the graphics controller maps it") {
    Screen s;
    s.text_mode();
    s.poke(0xb8000, 'A');
    CHECK(s.peek(0xb8000) == 'A');
    CHECK(s.peek(0xb0000) == 0xff);
    CHECK(s.peek(0xa0000) == 0xff);
    s.graphics(6, 0x0a);
    CHECK(s.peek(0xb0000) == 'A');
    s.graphics(6, 0x06);
    CHECK(s.peek(0xa0000) == 'A');
    CHECK(s.peek(0xb0000) == 0xff);
    s.port(0x3c2, 0);
    CHECK(s.peek(0xa0000) == 'A');
}

TEST_CASE("write mode 0: rotation, set/reset, functions, bit mask") {
    Screen s;
    s.graphics_mode(0x06, 0, 0, 40);
    s.poke(0xa0000, 0x81);
    for (unsigned plane = 0; plane < 4; ++plane) {
        s.graphics(4, plane);
        CHECK(s.peek(0xa0000) == 0x81);
    }
    s.graphics(3, 1);
    s.sequencer(2, 0x2);
    s.poke(0xa0000, 0x81);
    s.graphics(4, 1);
    CHECK(s.peek(0xa0000) == 0xc0);
    s.graphics(4, 0);
    CHECK(s.peek(0xa0000) == 0x81);
    s.sequencer(2, 0xf);
    s.graphics(3, 0x18);  // exclusive or with the latch
    s.poke(0xa0000, 0xff);
    CHECK(s.peek(0xa0000) == 0x7e);
    s.graphics(3, 0);
    s.graphics(8, 0x0f);
    s.poke(0xa0000, 0x00);
    CHECK(s.peek(0xa0000) == 0x70);
    s.graphics(8, 0xff);
    s.graphics(1, 0x1);
    s.graphics(0, 0x1);
    s.poke(0xa0000, 0x00);
    CHECK(s.peek(0xa0000) == 0xff);
}

TEST_CASE("write modes 1 to 3, and reading by colour") {
    Screen s;
    s.graphics_mode(0x06, 2, 0, 40);
    s.poke(0xa0000, 0x5);
    s.graphics(4, 2);
    CHECK(s.peek(0xa0000) == 0xff);
    s.graphics(4, 1);
    CHECK(s.peek(0xa0000) == 0x00);
    s.graphics(5, 1);
    s.peek(0xa0000);
    s.poke(0xa0001, 0xaa);
    s.graphics(5, 0);
    s.graphics(4, 2);
    CHECK(s.peek(0xa0001) == 0xff);
    s.graphics(5, 3);
    s.graphics(0, 0xf);
    s.peek(0xa0002);
    s.poke(0xa0002, 0x3c);
    s.graphics(5, 0);
    CHECK(s.peek(0xa0002) == 0x3c);
    s.graphics(5, 8);
    s.graphics(2, 0xf);
    CHECK(s.peek(0xa0002) == 0x3c);
    s.graphics(7, 0);
    CHECK(s.peek(0xa0002) == 0xff);
}

TEST_CASE("a text screen is read as text, with its cursor") {
    Screen s;
    s.text_mode();
    const std::string text = "Hello, \xb0 world";
    for (uint32_t n = 0; n < text.size(); ++n) {
        s.poke(0xb8000 + 160 + 2 * n, static_cast<uint8_t>(text[n]));
        s.poke(0xb8000 + 160 + 2 * n + 1, 0x1e);
    }
    s.crtc(0x0f, 80 + 3);
    const TextScreen screen = s.vga.text_screen();
    CHECK(screen.columns == 80);
    CHECK(screen.rows == 25);
    CHECK(screen.cursor_row == 1);
    CHECK(screen.cursor_column == 3);
    CHECK(screen.cells[80].attribute == 0x1e);
    CHECK(screen.text().starts_with("\nHello, ░ world\n\n"));
    s.crtc(0x0c, 0);
    s.crtc(0x0d, 80);  // scrolled by one row
    CHECK(s.vga.text_screen().text().starts_with("Hello"));
    s.crtc(0x0a, 0x20);
    CHECK(s.vga.text_screen().cursor_row == -1);
}

TEST_CASE("text is drawn with the characters from plane 2") {
    Screen s;
    s.text_mode();
    s.sequencer(2, 4);
    s.sequencer(4, 6);
    s.graphics(5, 0);
    s.graphics(6, 4);
    s.poke(0xa0000 + 'x' * 32 + 5, 0x80);
    s.poke(0xa0000 + 0xc4 * 32 + 5, 0x01);
    s.text_mode();
    s.poke(0xb8000, 'x');
    s.poke(0xb8001, 0x21);
    s.poke(0xb8002, 0xc4);
    s.poke(0xb8003, 0x21);
    s.crtc(0x0a, 0x20);
    const Picture p = s.vga.picture();
    CHECK(p.width == 720);
    CHECK(p.height == 400);
    CHECK(red_at(p, 0, 5) == wide(1));
    CHECK(red_at(p, 1, 5) == wide(2));
    CHECK(red_at(p, 0, 4) == wide(2));
    CHECK(red_at(p, 9 + 7, 5) == wide(1));
    CHECK(red_at(p, 9 + 8, 5) == wide(1));  // line graphics go on into the ninth dot
}

TEST_CASE("a card that no BIOS has set up shows black") {
    Screen s;
    s.vga.reset();
    const Picture p = s.vga.picture();
    CHECK(p.width == 640);
    CHECK(p.height == 480);
    CHECK(std::ranges::all_of(p.rgb, [](uint8_t byte) { return byte == 0; }));
}

TEST_CASE("256 colours, chained: a byte is a pixel, shown two dots wide and two lines high") {
    Screen s;
    s.graphics_mode(0x0e, 0x40, 0x41, 40);
    s.colour(200, 33, 0, 0);
    s.poke(0xa0000 + 320 * 7 + 11, 200);
    CHECK(s.peek(0xa0000 + 320 * 7 + 11) == 200);
    const Picture p = s.vga.picture();
    CHECK(p.width == 640);
    CHECK(p.height == 400);
    for (const unsigned x : {22u, 23u})
        for (const unsigned y : {14u, 15u}) CHECK(red_at(p, x, y) == wide(33));
    CHECK(red_at(p, 24, 14) == 0);
}

TEST_CASE("sixteen colours in four planes, scrolled and split") {
    Screen s;
    s.graphics_mode(0x06, 0, 0x40, 40);
    s.sequencer(2, 0x5);
    s.poke(0xa0000 + 80 * 3 + 1, 0x40);
    CHECK(red_at(s.vga.picture(), 9, 3) == wide(5));
    s.crtc(0x0d, 80);
    CHECK(red_at(s.vga.picture(), 9, 2) == wide(5));
    s.crtc(0x07, 0x02);
    s.crtc(0x09, 0);
    s.crtc(0x18, 100);  // below line 100 memory starts over
    CHECK(red_at(s.vga.picture(), 9, 104) == wide(5));
}

TEST_CASE("four colours in CGA's two banks") {
    Screen s;
    s.graphics_mode(0x02, 0x30, 0x01, 20);
    s.graphics(6, 0x0f);
    s.sequencer(1, 0x09);
    s.sequencer(2, 0x03);
    s.crtc(1, 39);
    s.crtc(0x17, 0xa2);
    s.poke(0xb8000 + 80, 0x40);           // row 2
    s.poke(0xb8000 + 0x2000 + 81, 0x30);  // row 3
    const Picture p = s.vga.picture();
    CHECK(p.width == 640);
    CHECK(red_at(p, 0, 2) == wide(1));
    CHECK(red_at(p, 8 + 2, 3) == wide(3));
}

TEST_CASE("VBE sets modes of its own, and tells what it can do") {
    Screen s;
    CHECK(s.vbe(0) == 0xb0c5);
    s.vbe(0, 0xb0c0);
    CHECK(s.vbe(0) == 0xb0c0);
    s.vbe(0, 0x1234);
    CHECK(s.vbe(0) == 0xb0c0);
    CHECK(s.vbe(10) == 256);
    s.vbe(4, 2);
    CHECK(s.vbe(1) >= 1600);
    s.vbe(4, 0);
    s.vbe(1, 805);
    s.vbe(2, 600);
    s.vbe(3, 32);
    s.vbe(4, 0x41);
    CHECK(s.vbe(1) == 800);
    s.vbe(1, 640);  // not while it is on
    CHECK(s.vbe(1) == 800);
    s.vga.framebuffer().write((800 * 5 + 7) * 4, 4, 0x00112233);
    Picture p = s.vga.picture();
    CHECK(p.width == 800);
    CHECK(p.height == 600);
    CHECK(red_at(p, 7, 5) == 0x11);
    s.vbe(9, 5);
    s.vbe(8, 3);
    CHECK(red_at(s.vga.picture(), 4, 0) == 0x11);
    s.vbe(9, 0xffff);  // all of it lies outside memory
    CHECK(red_at(s.vga.picture(), 4, 0) == 0);
}

TEST_CASE("VBE through the 64 KiB window, by banks") {
    Screen s;
    s.graphics_mode(0x0e, 0x40, 0x41, 40);
    s.vbe(1, 640);
    s.vbe(2, 480);
    s.vbe(3, 8);
    s.vbe(4, 1);
    s.vbe(5, 2);
    s.poke(0xa0000 + 9, 0x77);
    CHECK(s.vga.framebuffer().read(0x20009, 1) == 0x77);
    s.vbe(5, 0xffff);
    s.poke(0xaffff, 1);
    CHECK(s.vga.framebuffer().read(Vga::kMemoryBytes - 1, 1) == 1);
}

TEST_CASE("the window is plain memory in chained modes and by VBE's banks, and nowhere else") {
    Screen s;
    int heard = 0;
    s.vga.on_window_changed([&] { ++heard; });
    const auto plain = [&] { return s.vga.window().plain(); };
    CHECK(plain().empty());
    s.text_mode();
    CHECK(plain() == std::vector<PlainRegisters>{{0x18000, kVgaTextBytes, Vga::kMemoryBytes}});
    CHECK(s.vga.framebuffer().plain() == std::vector<PlainRegisters>{{0x10000, Vga::kMemoryBytes - 0x10000, 0x10000}});
    s.graphics_mode(0x0e, 0x40, 0x41, 40);
    CHECK(plain() == std::vector<PlainRegisters>{{0, 0x10000, 0}});
    heard = 0;
    s.graphics(6, 0x01);
    CHECK(plain() == std::vector<PlainRegisters>{{0, 0x20000, 0}});
    s.graphics(6, 0x0d);
    CHECK(plain() == std::vector<PlainRegisters>{{0x18000, 0x8000, 0}});
    s.graphics(6, 0x05);
    CHECK(heard == 3);
    const std::pair<unsigned, unsigned> graphics[] = {{1, 1}, {3, 1}, {3, 8}, {5, 0x41}, {5, 0x42}, {8, 0xfe}};
    for (const auto& [index, value] : graphics) {
        CAPTURE(index, value);
        s.graphics(index, value);
        CHECK(plain().empty());
        s.graphics(index, index == 5 ? 0x40 : index == 8 ? 0xff : 0);
        CHECK(plain().size() == 1);
    }
    s.sequencer(2, 7);
    CHECK(plain().empty());
    s.sequencer(2, 15);
    s.sequencer(4, 6);
    CHECK(plain().empty());
    s.sequencer(4, 14);
    s.port(0x3c2, 0x61);  // which keeps the window open
    CHECK(plain().size() == 1);
    s.port(0x3c2, 0x63);
    s.sequencer(4, 6);
    s.vbe(1, 640);
    s.vbe(2, 480);
    s.vbe(3, 8);
    s.vbe(4, 1);
    s.vbe(5, 3);
    CHECK(plain() == std::vector<PlainRegisters>{{0, 0x10000, 0x30000}});
    s.graphics(6, 0x01);  // 128 KiB, of which the last bank has 64
    s.vbe(5, 255);
    CHECK(plain() == std::vector<PlainRegisters>{{0, 0x10000, 0xff0000}});
    const int before = heard;
    s.port(0x3c8, 1);
    s.vbe(8, 3);
    CHECK(heard == before);
    s.vga.restore(s.vga.state());
    CHECK(heard == before);
    CHECK(s.vga.framebuffer().plain() == std::vector<PlainRegisters>{{0, Vga::kMemoryBytes, 0}});
}

TEST_CASE("text lies aside while it is text, and nobody can tell") {
    Screen s;
    const auto byte = [&](uint32_t at) { return s.vga.framebuffer().read(at, 1) & 0xff; };
    const auto planar = [&] {
        s.sequencer(4, 6);
        s.graphics(5, 0);
        s.graphics(6, 5);
    };
    s.text_mode();
    for (uint32_t n = 0; n < kVgaTextBytes; ++n) s.poke(0xb8000 + n, n * 7 % 251);
    CHECK(byte(0) == 0);
    CHECK(byte(5) == 3 * 7);
    CHECK(byte(6) == 0);
    CHECK(byte(0xfffd) == (kVgaTextBytes - 1) * 7 % 251);
    CHECK(s.vga.text_screen().cells[1].attribute == 3 * 7);

    s.vga.framebuffer().write(4, 4, 0x44332211);  // the card's other planes too
    CHECK(s.peek(0xb8002) == 0x11);
    CHECK(s.peek(0xb8003) == 0x22);
    CHECK(byte(6) == 0x33);
    const uint8_t by_cpu[] = {0x61, 0x62};  // as it stores where the memory is mapped
    s.vga_memory.store(Vga::kMemoryBytes + 100, by_cpu, 2);
    CHECK(byte(200) == 0x61);
    CHECK(s.vga.text_screen().cells[50].character == 0x61);

    planar();
    s.graphics(4, 1);
    CHECK(s.peek(0xa0000 + 50) == 0x62);
    CHECK(s.peek(0xa0000 + 1) == 0x22);
    s.graphics(4, 2);
    CHECK(s.peek(0xa0000 + 1) == 0x33);
    s.graphics(4, 0);
    s.sequencer(2, 1);
    s.poke(0xa0000 + 50, 0x71);
    s.text_mode();
    CHECK(s.peek(0xb8000 + 100) == 0x71);
    CHECK(s.peek(0xb8000 + 101) == 0x62);

    const Vga::State kept = s.vga.state();
    s.graphics(6, 0x01);
    CHECK(byte(200) == 0x71);
    s.text_mode();
    s.vga.restore(kept);
    CHECK(s.peek(0xb8000 + 100) == 0x71);
    s.vbe(4, 1);  // clears it, and is no text
    s.vbe(4, 0);
    CHECK(s.peek(0xb8000 + 100) == 0);
}

TEST_CASE("random stores by all ways reach the same bytes, whether text lies aside or not") {
    // The second card's read map, which stores do not look at, keeps its text where it is.
    Screen one, other;
    std::mt19937 random(5);
    one.text_mode();
    other.text_mode();
    other.graphics(4, 2);
    REQUIRE(other.vga.window().plain().empty());
    for (int n = 0; n < 20000; ++n) {
        const uint32_t r = random(), at = r >> 8 & 0x7fff, value = r & 0xff;
        for (Screen* s : {&one, &other}) {
            switch (r >> 24 & 3) {
                case 0:
                    s->poke(0xb8000 + at, value);
                    break;
                case 1:
                    s->vga.framebuffer().write(at * 4, 4, r * 2654435761u);
                    break;
                case 2:
                    s->sequencer(2, 2);
                    s->poke(0xb8000 + at, value);
                    s->sequencer(2, 3);
                    break;
                default:
                    s->graphics(8, value);
                    s->poke(0xb8000 + at, value ^ 0xff);
                    s->graphics(8, 0xff);
            }
        }
        if (n % 1000 == 0) {
            bool same = true;
            for (uint32_t word = 0; word < 0x20000; word += 4)
                same &= one.vga.framebuffer().read(word, 4) == other.vga.framebuffer().read(word, 4);
            REQUIRE(same);
        }
    }
}

TEST_CASE("what is plain memory is told by the bus, by its addresses") {
    Screen s;
    Bus bus;
    PciBus pci(bus);
    VgaCard card(s.vga, {});
    int heard = 0;
    bus.on_plain_changed([&] { ++heard; });
    pci.add({2, 0}, card);
    CHECK(bus.plain_memory().empty());
    card.config_write(0x10, 4, 0xfd000000);
    card.config_write(4, 2, 2);
    pci.remap();
    CHECK(heard == 1);
    REQUIRE(bus.plain_memory().size() == 1);
    CHECK(bus.plain_memory()[0].at == GuestPhys(0xfd000000));
    CHECK(bus.plain_memory()[0].length == Vga::kMemoryBytes);
    s.graphics_mode(0x0e, 0x40, 0x41, 40);
    s.vbe(5, 2);
    bus.claim({.base = GuestPhys(0xa8000), .length = 0x10000, .first_register = 0x8000}, s.vga.window());
    REQUIRE(bus.plain_memory().size() == 2);
    CHECK(bus.plain_memory()[0].at == GuestPhys(0xa8000));
    CHECK(bus.plain_memory()[0].length == 0x8000);
    CHECK(bus.plain_memory()[0].memory == 0x8000);
    bus.release_memory(GuestPhys(0xa8000));
    CHECK(heard == 3);
    CHECK(bus.plain_memory().size() == 1);
}

TEST_CASE("pages of the display's memory that were written are collected once by each who asks") {
    Screen s;
    VideoMemory& memory = s.vga.memory();
    std::vector<std::pair<uint32_t, uint32_t>> watched;
    memory.on_collected([&](uint32_t first, uint32_t pages) { watched.emplace_back(first, pages); });
    const uint64_t all = memory.collect();
    CHECK(memory.written_since(0, 0));
    CHECK(watched == decltype(watched){{0, 4096 + 8}});
    watched.clear();
    s.vga.framebuffer().write(0x1ffe, 4, 0x11223344);
    memory.note_written(0x5fff, 2);
    s.graphics_mode(0x06, 0x00, 0x41, 40);
    s.poke(0xa0000 + 0x4000, 1);
    const uint64_t second = memory.collect();
    CHECK(watched == decltype(watched){{1, 2}, {5, 2}, {16, 1}});
    CHECK(memory.written_since(2, all));
    CHECK_FALSE(memory.written_since(3, all));
    CHECK_FALSE(memory.written_since(2, second));
    memory.collect();
    CHECK(memory.written_since(2, all));
    CHECK(watched.size() == 3);
    s.vbe(4, 1);
    memory.collect();
    CHECK(memory.written_since(4095, second));
}

TEST_CASE("the card on PCI has its memory and its BIOS") {
    Screen s;
    Bus bus;
    PciBus pci(bus);
    VgaCard card(s.vga, std::vector<uint8_t>(38 * 1024, 0x55));
    pci.add({2, 0}, card);
    card.config_write(0x10, 4, 0xfd000000);
    card.config_write(0x30, 4, 0xfe000001);
    card.config_write(4, 2, 2);
    pci.remap();
    bus.write(GuestPhys(0xfd000010), 4, 0x12345678);
    CHECK(s.vga.framebuffer().read(0x10, 4) == 0x12345678);
    CHECK(bus.read(GuestPhys(0xfe000000), 1) == 0x55);
    CHECK(bus.read(GuestPhys(0xfe00ffff), 1) == 0xff);
}

TEST_CASE("random guests against the VGA: whatever its registers hold, there is a picture") {
    const unsigned seed = GENERATE(range(1u, 9u));
    CAPTURE(seed);
    std::mt19937 random(seed);
    Screen s;
    for (int round = 0; round < 20; ++round) {
        for (int n = 0; n < 300; ++n) {
            const uint32_t r = random(), value = random();
            const unsigned size = 1u << r % 3;
            switch (r >> 8 & 7) {
                case 0:
                    s.vbe(r >> 16 & 15, value);
                    break;
                case 1:
                    s.vga.window().write((r >> 12) % (0x20000 - 4), size, value);
                    break;
                case 2:
                    s.vga.window().read((r >> 12) % (0x20000 - 4), size);
                    break;
                case 3:
                    s.vga.framebuffer().write(value % Vga::kMemoryBytes & ~3u, size, r);
                    break;
                case 4:
                    s.vga.ports().read((r >> 12) % 48, 1);
                    break;
                case 5:
                    s.attribute(r >> 16 & 0x3f, value & 0xff);
                    break;
                default:
                    s.vga.ports().write((r >> 12) % 48, 1, value & 0xff);
            }
        }
        s.clock.step(random() % kSecond);
        const Picture p = s.vga.picture();
        REQUIRE(p.rgb.size() == size_t{p.width} * p.height * 3);
        s.vga.text_screen().text();
    }
}
