// The VGA's memory as the CPU sees it: the window below 1 MiB with its planes, latches and write modes, and the linear
// framebuffer.
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

// From an offset in the 128 KiB window to one in the memory that is mapped there now.
bool Vga::mapped(uint32_t& offset) const {
    if (!(s_.misc & kMemoryEnable)) return false;
    switch (s_.graphics[kMiscellaneous] >> 2 & 3) {
        case 0:
            return true;
        case 1:
            return offset < 0x10000;
        case 2:
            offset -= 0x10000;
            return offset < 0x8000;
        default:
            offset -= 0x18000;
            return offset < 0x8000;
    }
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
    if (offset <= kMemoryBytes - size) memcpy(&value, &s_.memory[offset], size);
    return value;
}

void Vga::write_framebuffer(uint32_t offset, unsigned size, uint32_t value) {
    if (offset <= kMemoryBytes - size) memcpy(&s_.memory[offset], &value, size);
}

uint32_t Vga::planes_at(uint32_t offset) const {
    uint32_t planes;
    memcpy(&planes, &s_.memory[(offset & kPlaneMask) * 4], 4);
    return planes;
}

uint8_t Vga::read_byte(uint32_t offset) {
    if (vbe_enabled() && s_.vbe[kBpp] >= 8) return s_.memory[(s_.vbe[kBank] * 0x10000u + offset) % kMemoryBytes];
    if (s_.sequencer[kMemoryMode] & kChain4) return s_.memory[offset];
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
    if (vbe_enabled() && s_.vbe[kBpp] >= 8) {
        s_.memory[(s_.vbe[kBank] * 0x10000u + offset) % kMemoryBytes] = value;
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
    memcpy(&s_.memory[(offset & kPlaneMask) * 4], &after, 4);
}

}  // namespace ringfold
