// The VGA's memory as the CPU sees it: the window below 1 MiB with its planes, latches and write modes, and the linear
// framebuffer.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "devices/vga.h"
#include "devices/vga_registers.h"

namespace ringfold {

using namespace vga;

namespace {

constexpr uint32_t kPlaneMask = 0xffff;  // a VGA's plane has 64 KiB

// A byte for each plane whose bit is set: 0xff.
constexpr uint32_t spread(unsigned planes) {
    uint32_t mask = 0;
    for (unsigned p = 0; p < 4; ++p)
        if (planes >> p & 1) mask |= 0xffu << 8 * p;
    return mask;
}
constexpr uint32_t in_all_planes(uint8_t value) {
    return value * 0x01010101u;
}

}  // namespace

// The part of the 128 KiB window that answers, and where the memory begins that it is a view of. Bit 1 of the miscellaneous
// output register, which would close the window, is not looked at: QEMU does not, and GRUB as firmware draws without it.
PlainRegisters Vga::find_window() const {
    static constexpr PlainRegisters kPlaces[] = {{0, 0x20000}, {0, 0x10000}, {0x10000, 0x8000}, {0x18000, 0x8000}};
    PlainRegisters place = kPlaces[s_.graphics[kMiscellaneous] >> 2 & 3];
    if (packed()) place.memory = s_.vbe[kBank] * kBankBytes;
    return place;
}

// A VBE mode of whole bytes, which has nothing to do with planes.
bool Vga::packed() const {
    return vbe_enabled() && s_.vbe[kBpp] >= 8;
}

// From an offset in the window to one in the memory that is mapped there now.
bool Vga::mapped(uint32_t& offset) const {
    offset -= window_place_.first;
    return offset < window_place_.length;
}

// Is a byte written in chained memory that byte, and no more?
bool Vga::writes_plainly() const {
    const auto& g = s_.graphics;
    return (s_.sequencer[kMapMask] & 0xf) == 0xf && (g[kGraphicsMode] & 3) == 0 && g[kRotate] == 0 &&
           (g[kEnableSetReset] & 0xf) == 0 && g[kBitMask] == 0xff;
}

// Packed VBE modes by banks, chained memory as in mode 13h, and text, which lies aside for this. Planar memory is not:
// its bytes do not lie side by side.
PlainRegisters Vga::find_plain_window() const {
    PlainRegisters place = window_place_;
    if (text_aside_) return {place.first, kVgaTextBytes, kMemoryBytes};
    const bool chained = s_.sequencer[kMemoryMode] & kChain4 && writes_plainly();
    if (!packed() && !chained) return {};
    place.length = std::min(place.length, kMemoryBytes - place.memory);
    return place;
}

std::vector<PlainRegisters> Vga::plain_window() const {
    if (plain_window_.length == 0) return {};
    return {plain_window_};
}

// While text lies aside, its bytes in the framebuffer are found by the card.
std::vector<PlainRegisters> Vga::plain_framebuffer() const {
    const uint32_t first = vga_text_aside(s_) ? kVgaTextBytes * 2 : 0;
    return {{first, kMemoryBytes - first, first}};
}

// To where the bytes of text belong from now on.
void Vga::move_text() {
    constexpr uint32_t kPage = VideoMemory::kPageBytes;
    std::array<uint8_t, kPage> page;
    text_aside_ = !text_aside_;
    for (uint32_t at = 0; at < kVgaTextBytes && text_aside_; at += kPage) {
        for (uint32_t n = 0; n < kPage; ++n) page[n] = memory_[(at + n) / 2 * 4 + (n & 1)];
        memory_.store(kMemoryBytes + at, page.data(), kPage);
    }
    for (uint32_t at = 0; at < kVgaTextBytes * 2 && !text_aside_; at += kPage) {
        memcpy(page.data(), memory_.data() + at, kPage);
        for (uint32_t n = 0; n < kPage; n += 4) memcpy(&page[n], memory_.data() + kMemoryBytes + (at + n) / 2, 2);
        memory_.store(at, page.data(), kPage);
    }
}

// A byte of the memory, which may lie aside.
void Vga::store_byte(uint32_t offset, uint8_t value) {
    const uint32_t plane = offset & 3, aside = offset / 4 * 2 + plane;
    const bool there = text_aside_ && plane < 2 && aside < kVgaTextBytes;
    memory_.store(there ? kMemoryBytes + aside : offset, &value, 1);
}

uint32_t Vga::read_window(uint32_t offset, unsigned size) {
    uint32_t value = 0;
    for (unsigned n = 0; n < size; ++n) {
        uint32_t at = offset + n;
        value |= (mapped(at) ? read_byte(at) : 0xffu) << 8 * n;
    }
    return value;
}

void Vga::write_window(uint32_t offset, unsigned size, uint32_t value) {
    for (unsigned n = 0; n < size; ++n) {
        uint32_t at = offset + n;
        if (mapped(at)) write_byte(at, static_cast<uint8_t>(value >> 8 * n));
    }
}

uint32_t Vga::read_framebuffer(uint32_t offset, unsigned size) {
    uint32_t value = 0;
    for (unsigned n = 0; n < size && offset <= kMemoryBytes - size; ++n)
        value |= uint32_t{vga_byte(s_, memory_.data(), offset + n)} << 8 * n;
    return value;
}

void Vga::write_framebuffer(uint32_t offset, unsigned size, uint32_t value) {
    if (offset > kMemoryBytes - size) return;
    for (unsigned n = 0; n < size; ++n) store_byte(offset + n, static_cast<uint8_t>(value >> 8 * n));
}

uint32_t Vga::planes_at(uint32_t offset) const {
    const uint32_t at = (offset & kPlaneMask) * 4;
    uint32_t planes;
    memcpy(&planes, memory_.data() + at, 4);
    if (text_aside_ && at / 2 < kVgaTextBytes) memcpy(&planes, memory_.data() + kMemoryBytes + at / 2, 2);
    return planes;
}

uint8_t Vga::read_byte(uint32_t offset) {
    if (packed()) return memory_[(s_.vbe[kBank] * kBankBytes + offset) % kMemoryBytes];
    if (s_.sequencer[kMemoryMode] & kChain4) return memory_[offset];
    unsigned plane = s_.graphics[kReadMap];
    if (s_.graphics[kGraphicsMode] & kOddEven) {
        plane = (plane & 2) | (offset & 1);
        offset >>= 1;
    }
    s_.latch = planes_at(offset);
    if (!(s_.graphics[kGraphicsMode] & kReadCompare)) return static_cast<uint8_t>(s_.latch >> 8 * plane);
    // Bits where each plane that counts has the wanted colour.
    const uint32_t differs = (s_.latch ^ spread(s_.graphics[kColourCompare])) & spread(s_.graphics[kColourDontCare]);
    return static_cast<uint8_t>(~(differs | differs >> 8 | differs >> 16 | differs >> 24));
}

void Vga::write_byte(uint32_t offset, uint8_t value) {
    if (packed()) {
        memory_.store((s_.vbe[kBank] * kBankBytes + offset) % kMemoryBytes, &value, 1);
        return;
    }
    uint8_t planes = s_.sequencer[kMapMask];
    if (s_.sequencer[kMemoryMode] & kChain4) {
        planes &= static_cast<uint8_t>(1 << (offset & 3));
        offset >>= 2;
    } else if (!(s_.sequencer[kMemoryMode] & kSequential)) {
        planes &= offset & 1 ? 0xa : 0x5;
        offset >>= 1;
    }
    write_planes(offset, value, planes);
}

// What a byte from the CPU becomes in all four planes, by the write mode.
uint32_t Vga::combine(uint8_t value) const {
    const auto& g = s_.graphics;
    const uint8_t rotated = std::rotr(value, g[kRotate] & 7);
    uint32_t data, mask = in_all_planes(g[kBitMask]);
    switch (g[kGraphicsMode] & 3) {
        case 0: {
            const uint32_t set = spread(g[kEnableSetReset]);
            data = (in_all_planes(rotated) & ~set) | (spread(g[kSetReset]) & set);
            break;
        }
        case 1:
            return s_.latch;
        case 2:
            data = spread(value);
            break;
        default:
            data = spread(g[kSetReset]);
            mask &= in_all_planes(rotated);
            break;
    }
    switch (g[kRotate] >> 3 & 3) {
        case 1:
            data &= s_.latch;
            break;
        case 2:
            data |= s_.latch;
            break;
        case 3:
            data ^= s_.latch;
            break;
    }
    return (data & mask) | (s_.latch & ~mask);
}

void Vga::write_planes(uint32_t offset, uint8_t value, uint8_t planes) {
    const uint32_t written = spread(planes);
    const uint32_t after = (planes_at(offset) & ~written) | (combine(value) & written);
    const uint32_t at = (offset & kPlaneMask) * 4;
    memory_.store(at, &after, 4);
    if (text_aside_ && at / 2 < kVgaTextBytes) memory_.store(kMemoryBytes + at / 2, &after, 2);
}

}  // namespace ringfold
