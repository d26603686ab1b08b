// What the screen shows, from a VGA's registers and memory: for whoever has a copy of both.
#pragma once

#include <array>
#include <cstdint>

#include "devices/picture.h"
#include "devices/vga_registers.h"

namespace ringfold {

inline constexpr uint32_t kVgaMemoryBytes = 16 << 20;
// Behind it, while vga_text_aside() holds: the bytes of planes 0 and 1 that the CPU has at the first 32 KiB of odd/even
// memory, in the CPU's order.
inline constexpr uint32_t kVgaTextBytes = 32 << 10;

struct VgaState {
    uint8_t misc = 0, pel_mask = 0xff;
    uint8_t crtc_index = 0, sequencer_index = 0, graphics_index = 0, attribute_index = 0;
    std::array<uint8_t, 25> crtc{};
    std::array<uint8_t, 5> sequencer{};
    std::array<uint8_t, 9> graphics{};
    std::array<uint8_t, 21> attribute{};
    bool attribute_data_next = false;
    std::array<uint8_t, 768> dac{};  // red, green, blue of each colour
    uint8_t dac_write = 0, dac_read = 0, dac_component = 0;
    bool dac_reading = false;
    uint32_t latch = 0;  // all four planes of the byte read last
    uint16_t vbe_index = 0;
    std::array<uint16_t, 10> vbe{};

    template <class Archive>
    void describe(Archive& archive) {
        archive.fields(*this, "misc", misc, "pel_mask", pel_mask, "crtc_index", crtc_index, "sequencer_index",
                       sequencer_index, "graphics_index", graphics_index, "attribute_index", attribute_index,
                       "crtc", crtc, "sequencer", sequencer, "graphics", graphics, "attribute", attribute,
                       "attribute_data_next", attribute_data_next, "dac", dac, "dac_write", dac_write, "dac_read",
                       dac_read, "dac_component", dac_component, "dac_reading", dac_reading, "latch", latch,
                       "vbe_index", vbe_index, "vbe", vbe);
        archive.require(dac_component < 3, "dac_component");
        archive.require(vbe[vga::kBpp] <= vga::kMostBits && vbe[vga::kBank] < kVgaMemoryBytes / vga::kBankBytes &&
                            vbe[vga::kXres] <= vga::kMostColumns,
                        "vbe");
    }
};

// Is the window nothing but odd/even memory in planes 0 and 1, as in text modes and CGA's? Then these bytes lie aside, where
// the CPU can reach them as they are.
bool vga_text_aside(const VgaState&);
// A byte of memory, wherever it is now.
uint8_t vga_byte(const VgaState&, const uint8_t* memory, uint32_t offset);

// `memory`: kVgaMemoryBytes + kVgaTextBytes, of which no more than vga_visible() is looked at.
Picture vga_picture(const VgaState&, const uint8_t* memory);
TextScreen vga_text_screen(const VgaState&, const uint8_t* memory);

// The parts of memory that a picture is drawn from, and perhaps more.
struct VisibleMemory {
    uint32_t begin, end;
};
std::array<VisibleMemory, 2> vga_visible(const VgaState&);

}  // namespace ringfold
