// Draws what the screen shows: text with the characters from plane 2, planar and packed graphics, and VBE modes.
#include "devices/vga_picture.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "devices/vga_registers.h"

namespace ringfold {

using namespace vga;

namespace {

struct Colour {
    uint8_t red, green, blue;
};

constexpr unsigned kMostPixels = 4096 * 4096;

}  // namespace

// Draws one picture of a VGA's state.
class VgaPicture {
public:
    VgaPicture(const VgaState& s, const uint8_t* memory)
        : s_(s), memory_(memory), vbe_(s.vbe[kVbeEnable] & kVbeOn), aside_(vga_text_aside(s)) {}

    Picture draw();
    TextScreen text_screen() const;

private:
    bool text_mode() const { return !vbe_ && !(s_.graphics[kMiscellaneous] & kGraphics); }
    bool blank() const { return s_.sequencer[kClocking] & kScreenOff || !(s_.attribute_index & kPaletteLocked); }
    unsigned lines() const;
    unsigned row_height() const { return (s_.crtc[kMaxScanLine] & 0x1fu) + 1; }
    unsigned doubled() const { return s_.crtc[kMaxScanLine] >> 7; }  // each line is shown twice
    unsigned text_rows() const { return std::max(lines() / (row_height() << doubled()), 1u); }
    unsigned columns() const { return s_.crtc[kHorizontalEnd] + 1u; }
    uint32_t start() const { return s_.crtc[kStartHigh] << 8 | s_.crtc[kStartLow]; }
    unsigned line_compare() const;
    uint8_t byte(uint32_t offset) const {
        return aside_ ? vga_byte(s_, memory_, offset & 0x3ffff) : memory_[offset & 0x3ffff];
    }
    uint8_t plane_byte(uint32_t offset, unsigned plane) const { return byte(offset * 4 + plane); }
    Colour dac(uint8_t index) const;
    Colour palette(uint8_t index) const;
    void put(unsigned x, unsigned y, Colour c);

    void draw_text();
    void draw_cell(unsigned column, unsigned row, TextScreen::Cell, bool cursor);
    void draw_graphics();
    void draw_graphics_line(unsigned y, uint32_t address, unsigned panning);
    uint8_t planar_pixel(uint32_t address, unsigned x) const;
    void draw_packed();
    void draw_vbe_planar();
    Colour packed_pixel(uint32_t at) const;

    const VgaState& s_;
    const uint8_t* memory_;
    const bool vbe_, aside_;
    Picture picture_;
};

unsigned VgaPicture::lines() const {
    const unsigned overflow = s_.crtc[kOverflow];
    return (s_.crtc[kVerticalEnd] | (overflow & 0x02) << 7 | (overflow & 0x40) << 3) + 1u;
}

// The line from which on memory is shown from address 0 again: a split screen.
unsigned VgaPicture::line_compare() const {
    return s_.crtc[kLineCompare] | (s_.crtc[kOverflow] & 0x10u) << 4 | (s_.crtc[kMaxScanLine] & 0x40u) << 3;
}

Colour VgaPicture::dac(uint8_t index) const {
    const uint8_t* c = &s_.dac[(index & s_.pel_mask) * 3u];
    if (s_.vbe[kVbeEnable] & kDac8Bit) return {c[0], c[1], c[2]};
    const auto wide = [](uint8_t six) { return static_cast<uint8_t>(six << 2 | six >> 4); };
    return {wide(c[0]), wide(c[1]), wide(c[2])};
}

// Four bits through the attribute controller.
Colour VgaPicture::palette(uint8_t index) const {
    const uint8_t select = s_.attribute[kColourSelect], six = s_.attribute[index & s_.attribute[kPlaneEnable] & 15];
    if (s_.attribute[kAttributeMode] & kPaletteSelect)
        return dac(static_cast<uint8_t>((select & 0x0f) << 4 | (six & 0x0f)));
    return dac(static_cast<uint8_t>((select & 0x0c) << 4 | six));
}

void VgaPicture::put(unsigned x, unsigned y, Colour c) {
    uint8_t* at = &picture_.rgb[(size_t{y} * picture_.width + x) * 3];
    at[0] = c.red;
    at[1] = c.green;
    at[2] = c.blue;
}

Picture VgaPicture::draw() {
    if (vbe_) {
        picture_.width = s_.vbe[kXres];
        picture_.height = s_.vbe[kYres];
    } else if (s_.crtc[kHorizontalEnd] == 0) {  // no BIOS has set it up: black, in the size that QEMU's screen has then
        picture_.width = 640;
        picture_.height = 480;
    } else if (text_mode()) {
        picture_.width = columns() * (s_.sequencer[kClocking] & kEightDots ? 8 : 9);
        picture_.height = text_rows() * row_height() << doubled();
    } else {
        picture_.width = columns() * (s_.sequencer[kClocking] & kHalfDotClock ? 16 : 8);
        picture_.height = lines();
    }
    if (uint64_t{picture_.width} * picture_.height > kMostPixels) picture_.height = kMostPixels / picture_.width;
    picture_.rgb.resize(size_t{picture_.width} * picture_.height * 3);
    if (vbe_)
        s_.vbe[kBpp] == 4 ? draw_vbe_planar() : draw_packed();
    else if (blank() || s_.crtc[kHorizontalEnd] == 0)
        ;
    else if (text_mode())
        draw_text();
    else
        draw_graphics();
    return std::move(picture_);
}

// --- text -----------------------------------------------------------------------------------------------------

TextScreen VgaPicture::text_screen() const {
    TextScreen screen;
    if (!text_mode() || blank()) return screen;
    screen.columns = columns();
    screen.rows = text_rows();
    screen.cells.reserve(size_t{screen.columns} * screen.rows);
    const uint32_t cursor = s_.crtc[kCursorHigh] << 8 | s_.crtc[kCursorLow];
    const bool shown =
        !(s_.crtc[kCursorStart] & 0x20) && (s_.crtc[kCursorStart] & 0x1f) <= (s_.crtc[kCursorEnd] & 0x1f);
    for (unsigned row = 0; row < screen.rows; ++row) {
        for (unsigned column = 0; column < screen.columns; ++column) {
            const uint32_t at = start() + row * s_.crtc[kOffset] * 2u + column;
            screen.cells.push_back({plane_byte(at, 0), plane_byte(at, 1)});
            if (!shown || (at & 0xffff) != cursor) continue;
            screen.cursor_column = static_cast<int>(column);
            screen.cursor_row = static_cast<int>(row);
        }
    }
    return screen;
}

void VgaPicture::draw_text() {
    const TextScreen screen = text_screen();
    for (unsigned row = 0; row < screen.rows; ++row)
        for (unsigned column = 0; column < screen.columns; ++column)
            draw_cell(column, row, screen.cells[row * screen.columns + column],
                      static_cast<int>(column) == screen.cursor_column && static_cast<int>(row) == screen.cursor_row);
}

// A character's picture is 32 bytes in plane 2; bit 3 of the attribute chooses between two sets of them.
void VgaPicture::draw_cell(unsigned column, unsigned row, TextScreen::Cell cell, bool cursor) {
    const uint8_t select = s_.sequencer[kFontSelect], mode = s_.attribute[kAttributeMode];
    const unsigned set = cell.attribute & 8 ? (select >> 2 & 3) | (select >> 3 & 4) : (select & 3) | (select >> 2 & 4);
    // Sets 0 to 3 are 16 KiB apart, 4 to 7 lie in between.
    const uint32_t font = (set & 3) * 0x4000 + (set & 4 ? 0x2000 : 0) + cell.character * 32u;
    const uint8_t background = mode & kBlink ? cell.attribute >> 4 & 7 : cell.attribute >> 4;
    const Colour on = palette(cell.attribute & 15), off = palette(background);
    const unsigned width = s_.sequencer[kClocking] & kEightDots ? 8 : 9, height = row_height() << doubled();
    const bool underlined = !(s_.misc & kColourPorts) && (cell.attribute & 7) == 1;
    const bool joined = (mode & kLineGraphics) && cell.character >= 0xc0 && cell.character <= 0xdf;
    for (unsigned y = 0; y < height && row * height + y < picture_.height; ++y) {
        const unsigned line = y >> doubled();
        uint8_t dots = plane_byte(font + line, 2);
        if (underlined && line == (s_.crtc[kUnderline] & 0x1fu)) dots = 0xff;
        if (cursor && line >= (s_.crtc[kCursorStart] & 0x1fu) && line <= (s_.crtc[kCursorEnd] & 0x1fu)) dots = 0xff;
        for (unsigned x = 0; x < width; ++x) {
            const bool lit = x < 8 ? dots >> (7 - x) & 1 : joined && (dots & 1);
            put(column * width + x, row * height + y, lit ? on : off);
        }
    }
}

// --- VGA graphics ---------------------------------------------------------------------------------------------

// Rows are shown row_height() times, twice that with the double-scan bit; addresses count in bytes of a plane.
void VgaPicture::draw_graphics() {
    const unsigned repeat = row_height() << doubled();
    uint32_t row = start() + (s_.crtc[kPresetRow] >> 5 & 3);
    unsigned scan = s_.crtc[kPresetRow] & 0x1f, panning = s_.attribute[kPanning] & 7;
    bool split = false;
    for (unsigned y = 0; y < picture_.height; ++y) {
        uint32_t address = row;
        // CGA's and Hercules' interlaced memory: the scan line within a row becomes address bits.
        const unsigned bit = s_.crtc[kCrtcMode] & 0x40 ? 13 : 12;  // byte mode or word mode
        const unsigned line = scan >> doubled();
        if (!(s_.crtc[kCrtcMode] & 1)) address = (address & ~(1u << bit)) | (line & 1) << bit;
        if (!(s_.crtc[kCrtcMode] & 2)) address = (address & ~(2u << bit)) | (line & 2) << bit;
        draw_graphics_line(y, address, panning);
        if (!split && y == line_compare()) {
            split = true;
            row = scan = 0;
            if (s_.attribute[kAttributeMode] & 0x20) panning = 0;
        } else if (++scan >= repeat) {
            scan = 0;
            row += s_.crtc[kOffset] * 2u;
        }
    }
}

uint8_t VgaPicture::planar_pixel(uint32_t address, unsigned x) const {
    const uint32_t at = address + x / 8;
    const unsigned bit = 7 - x % 8;
    unsigned pixel = 0;
    for (unsigned p = 0; p < 4; ++p) pixel |= (plane_byte(at, p) >> bit & 1u) << p;
    return static_cast<uint8_t>(pixel);
}

void VgaPicture::draw_graphics_line(unsigned y, uint32_t address, unsigned panning) {
    const uint8_t mode = s_.graphics[kGraphicsMode];
    const unsigned half = s_.sequencer[kClocking] & kHalfDotClock ? 1 : 0;
    for (unsigned x = 0; x < picture_.width; ++x) {
        if (mode & kShift256) {
            // Each pixel is two dots wide; four lie side by side in the planes.
            const uint32_t n = address * 4 + x / 2 + panning / 2;
            put(x, y, dac(byte(n)));
        } else if (mode & kShiftInterleave) {
            // Two bits for a pixel, from planes 0 and 1 by turns.
            const unsigned dot = (x >> half) + panning;
            const uint8_t byte = plane_byte(address + dot / 8, dot / 4 & 1);
            put(x, y, palette(byte >> (6 - 2 * (dot & 3)) & 3));
        } else {
            put(x, y, palette(planar_pixel(address, (x >> half) + panning)));
        }
    }
}

// --- VBE ------------------------------------------------------------------------------------------------------

Colour VgaPicture::packed_pixel(uint32_t at) const {
    const unsigned bytes = (s_.vbe[kBpp] + 7) / 8;
    if (at > kVgaMemoryBytes - bytes) return {};
    uint32_t v = 0;
    memcpy(&v, &memory_[at], bytes);
    const auto wide = [](uint32_t value, unsigned bits) {
        const uint32_t top = (value & ((1u << bits) - 1)) << (8 - bits);
        return static_cast<uint8_t>(top | top >> bits);
    };
    switch (s_.vbe[kBpp]) {
        case 8:
            return dac(static_cast<uint8_t>(v));
        case 15:
            return {wide(v >> 10, 5), wide(v >> 5, 5), wide(v, 5)};
        case 16:
            return {wide(v >> 11, 5), wide(v >> 5, 6), wide(v, 5)};
        default:
            return {static_cast<uint8_t>(v >> 16), static_cast<uint8_t>(v >> 8), static_cast<uint8_t>(v)};
    }
}

void VgaPicture::draw_packed() {
    const unsigned bytes = (s_.vbe[kBpp] + 7) / 8;
    for (unsigned y = 0; y < picture_.height; ++y) {
        const uint64_t row = (uint64_t{y} + s_.vbe[kYOffset]) * s_.vbe[kVirtualWidth] + s_.vbe[kXOffset];
        for (unsigned x = 0; x < picture_.width; ++x) {
            const uint64_t at = (row + x) * bytes;
            if (at < kVgaMemoryBytes) put(x, y, packed_pixel(static_cast<uint32_t>(at)));
        }
    }
}

void VgaPicture::draw_vbe_planar() {
    for (unsigned y = 0; y < picture_.height; ++y) {
        const uint32_t row = (uint32_t{y} + s_.vbe[kYOffset]) * (s_.vbe[kVirtualWidth] / 8u);
        for (unsigned x = 0; x < picture_.width; ++x) put(x, y, palette(planar_pixel(row, x + s_.vbe[kXOffset])));
    }
}

Picture vga_picture(const VgaState& s, const uint8_t* memory) {
    return VgaPicture(s, memory).draw();
}
TextScreen vga_text_screen(const VgaState& s, const uint8_t* memory) {
    return VgaPicture(s, memory).text_screen();
}

// A byte written in these modes is a byte in one of two planes, and no more.
bool vga_text_aside(const VgaState& s) {
    const auto& g = s.graphics;
    const bool packed = (s.vbe[kVbeEnable] & kVbeOn) && s.vbe[kBpp] >= 8;
    const bool odd_even = !(s.sequencer[kMemoryMode] & (kChain4 | kSequential)) && (g[kGraphicsMode] & kOddEven);
    const bool two_planes = (s.sequencer[kMapMask] & 0xf) == 3 && !(g[kReadMap] & 2);
    const bool plain = !(g[kGraphicsMode] & (3 | kReadCompare)) && g[kRotate] == 0 && (g[kEnableSetReset] & 0xf) == 0 &&
                       g[kBitMask] == 0xff;
    const bool half_window = g[kMiscellaneous] >> 3 & 1;  // 32 KiB, at b0000 or b8000
    return !packed && odd_even && two_planes && plain && half_window;
}

uint8_t vga_byte(const VgaState& s, const uint8_t* memory, uint32_t offset) {
    const uint32_t plane = offset & 3, aside = offset / 4 * 2 + plane;
    const bool there = plane < 2 && aside < kVgaTextBytes && vga_text_aside(s);
    return memory[there ? kVgaMemoryBytes + aside : offset];
}

std::array<VisibleMemory, 2> vga_visible(const VgaState& s) {
    constexpr uint32_t kAllPlanes = 0x40000;
    if (!(s.vbe[kVbeEnable] & kVbeOn) || s.vbe[kBpp] < 8)
        return {{{0, kAllPlanes}, {kVgaMemoryBytes, kVgaMemoryBytes + kVgaTextBytes}}};
    const uint64_t bytes = (s.vbe[kBpp] + 7u) / 8, row = s.vbe[kVirtualWidth] * bytes;
    const uint64_t begin = s.vbe[kYOffset] * row + s.vbe[kXOffset] * bytes, end = begin + s.vbe[kYres] * row;
    return {{{static_cast<uint32_t>(std::min<uint64_t>(begin, kVgaMemoryBytes)),
              static_cast<uint32_t>(std::min<uint64_t>(end, kVgaMemoryBytes))},
             {}}};
}

}  // namespace ringfold
