// The Bochs VBE extension: modes beyond VGA's by a handful of 16-bit registers.
#include <algorithm>

#include "devices/vga.h"
#include "devices/vga_registers.h"

namespace ringfold {

using namespace vga;

namespace {

constexpr uint16_t kFirstId = 0xb0c0, kLastId = 0xb0c5;

// Bytes in memory for a row of so many pixels; four bits are the four planes, side by side.
uint32_t row_bytes(uint32_t pixels, unsigned bits) {
    return bits == 4 ? pixels / 2 : pixels * ((bits + 7) / 8);
}

bool depth_allowed(uint16_t bits) {
    return bits == 4 || bits == 8 || bits == 15 || bits == 16 || bits == 24 || bits == 32;
}

}  // namespace

uint32_t Vga::read_vbe(uint32_t offset, unsigned size) {
    if (size != 2) return 0xffff;
    if (offset == 0) return s_.vbe_index;
    if (s_.vbe[kVbeEnable] & kGetCapabilities) {
        switch (s_.vbe_index) {
            case kXres:
                return kMostColumns;
            case kYres:
                return kMostRows;
            case kBpp:
                return kMostBits;
        }
    }
    if (s_.vbe_index == kVideoMemory64K) return kMemoryBytes / kBankBytes;
    return s_.vbe_index < s_.vbe.size() ? s_.vbe[s_.vbe_index] : 0;
}

void Vga::write_vbe(uint32_t offset, unsigned size, uint32_t value) {
    if (size != 2) return;
    if (offset == 0)
        s_.vbe_index = static_cast<uint16_t>(value);
    else
        write_vbe_register(static_cast<uint16_t>(value));
    registers_changed();
}

// The resolution can change only while the extension is off; the place on a larger virtual screen at any time.
void Vga::write_vbe_register(uint16_t value) {
    switch (s_.vbe_index) {
        case kVbeId:
            if (value >= kFirstId && value <= kLastId) s_.vbe[kVbeId] = value;
            return;
        case kXres:
            if (!vbe_enabled() && value <= kMostColumns) s_.vbe[kXres] = value & 0xfff8;
            return;
        case kYres:
            if (!vbe_enabled() && value <= kMostRows) s_.vbe[kYres] = value;
            return;
        case kBpp:
            if (value == 0) value = 8;
            if (!vbe_enabled() && depth_allowed(value)) s_.vbe[kBpp] = value;
            return;
        case kVbeEnable:
            return enable_vbe(value);
        case kBank:
            s_.vbe[kBank] = value % (kMemoryBytes / kBankBytes);
            return;
        case kVirtualWidth:
        case kXOffset:
        case kYOffset:
            s_.vbe[s_.vbe_index] = value;
            return settle_virtual_size();
    }
}

void Vga::enable_vbe(uint16_t value) {
    const bool starts = (value & kVbeOn) && !vbe_enabled();
    if (starts) {
        s_.vbe[kVirtualWidth] = s_.vbe[kXres];
        s_.vbe[kXOffset] = s_.vbe[kYOffset] = 0;
        if (!depth_allowed(s_.vbe[kBpp])) s_.vbe[kBpp] = 8;
        if (!(value & kKeepMemory)) memory_.clear();
    }
    // The other width of the DAC's colours: what it holds keeps its brightness.
    if ((value ^ s_.vbe[kVbeEnable]) & kDac8Bit)
        for (uint8_t& c : s_.dac) c = static_cast<uint8_t>(value & kDac8Bit ? c << 2 : c >> 2);
    s_.vbe[kVbeEnable] = value;
    s_.vbe[kBank] = 0;
    settle_virtual_size();
}

// The virtual screen is as high as memory allows, and what is shown lies inside it as far as a guest keeps to that;
// what does not shows as black.
void Vga::settle_virtual_size() {
    auto& v = s_.vbe;
    v[kVirtualWidth] = std::clamp<uint16_t>(v[kVirtualWidth] & 0xfff8, v[kXres], kMostColumns);
    const uint32_t row = row_bytes(v[kVirtualWidth], v[kBpp]);
    v[kVirtualHeight] = static_cast<uint16_t>(row ? std::min(kMemoryBytes / row, 0xffffu) : 0);
}

}  // namespace ringfold
