// The VGA's register file: CRT controller, sequencer, graphics and attribute controllers, DAC.
#include "devices/vga.h"

#include "devices/vga_registers.h"

namespace ringfold {

using namespace vga;

namespace {

// Ports by their offset from 0x3B0.
enum : uint32_t {
    kMonoCrtcIndex = 0x04,
    kMonoCrtcData = 0x05,
    kMonoStatus = 0x0a,
    kAttribute = 0x10,
    kAttributeRead = 0x11,
    kMiscWrite = 0x12,
    kSequencerIndex = 0x14,
    kSequencerData = 0x15,
    kPelMask = 0x16,
    kDacReadIndex = 0x17,
    kDacWriteIndex = 0x18,
    kDacData = 0x19,
    kFeatureRead = 0x1a,
    kMiscRead = 0x1c,
    kGraphicsIndex = 0x1e,
    kGraphicsData = 0x1f,
    kCrtcIndex = 0x24,
    kCrtcData = 0x25,
    kStatus = 0x2a,
};

// Bits that exist.
constexpr uint8_t kSequencerBits[] = {0x03, 0x3d, 0x0f, 0x3f, 0x0e};
constexpr uint8_t kGraphicsBits[] = {0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff};
constexpr uint8_t kAttributeBits[] = {0xef, 0xff, 0x3f, 0x0f, 0x0f};  // from 0x10 on; the palette before has 0x3f

// What a monitor at 70 Hz would see: a guest waits for these edges, and never counts on their exact place.
constexpr Nanoseconds kFrame = 14'286'000, kVerticalRetrace = 700'000, kLine = 31'778, kHorizontalBlank = 6'356;

template <class Array>
uint8_t read_indexed(const Array& registers, unsigned index) {
    return index < registers.size() ? registers[index] : 0;
}

}  // namespace

Vga::Vga(const Clock& clock, VideoMemory& memory) : clock_(clock), memory_(memory) {
    reset();
}

void Vga::reset() {
    s_ = State{};
    s_.attribute[kPlaneEnable] = 0x0f;  // which GRUB as firmware counts on
    s_.vbe[kVbeId] = 0xb0c5;
    registers_changed();
}

void Vga::restore(const State& s) {
    s_ = s;
    text_aside_ = vga_text_aside(s_);  // the memory is as it was then
    memory_.note_written(0, memory_.size());
    registers_changed();
}

void Vga::registers_changed() {
    ++changes_;
    if (text_aside_ != vga_text_aside(s_)) move_text();
    window_place_ = find_window();
    const PlainRegisters plain = find_plain_window();
    if (plain == plain_window_) return;
    plain_window_ = plain;
    if (window_listener_) window_listener_();
}

// The CRT controller and the status register are at 0x3Bx or at 0x3Dx.
bool Vga::decodes(uint32_t offset) const {
    const bool colour = s_.misc & kColourPorts;
    if (offset < kAttribute) return !colour;
    return offset < 0x20 || colour;
}

uint8_t Vga::input_status() const {
    const Nanoseconds in_frame = clock_.now() % kFrame, in_line = in_frame % kLine;
    const bool retrace = in_frame < kVerticalRetrace;
    return static_cast<uint8_t>((retrace ? 8 : 0) | (retrace || in_line < kHorizontalBlank ? 1 : 0));
}

uint32_t Vga::read_port(uint32_t offset, unsigned) {
    if (!decodes(offset)) return 0xff;
    switch (offset) {
        case kAttribute:
            return s_.attribute_index;
        case kAttributeRead:
            return read_indexed(s_.attribute, s_.attribute_index & 0x1f);
        case kMiscWrite:  // input status 0
            return 0x10;  // a colour monitor is attached
        case kSequencerIndex:
            return s_.sequencer_index;
        case kSequencerData:
            return read_indexed(s_.sequencer, s_.sequencer_index);
        case kPelMask:
            return s_.pel_mask;
        case kDacReadIndex:
            return s_.dac_reading ? 3 : 0;
        case kDacWriteIndex:
            return s_.dac_write;
        case kDacData:
            return read_dac();
        case kFeatureRead:
            return 0;
        case kMiscRead:
            return s_.misc;
        case kGraphicsIndex:
            return s_.graphics_index;
        case kGraphicsData:
            return read_indexed(s_.graphics, s_.graphics_index);
        case kMonoCrtcIndex:
        case kCrtcIndex:
            return s_.crtc_index;
        case kMonoCrtcData:
        case kCrtcData:
            return read_indexed(s_.crtc, s_.crtc_index);
        case kMonoStatus:
        case kStatus:
            s_.attribute_data_next = false;
            return input_status();
    }
    return 0xff;
}

// An index changes nothing that others can see.
void Vga::write_port(uint32_t offset, unsigned, uint32_t wide) {
    if (!decodes(offset)) return;
    write_register(offset, static_cast<uint8_t>(wide));
    if (offset != kSequencerIndex && offset != kGraphicsIndex && offset != kCrtcIndex && offset != kMonoCrtcIndex)
        registers_changed();
}

void Vga::write_register(uint32_t offset, uint8_t value) {
    switch (offset) {
        case kAttribute:
            return write_attribute(value);
        case kMiscWrite:
            s_.misc = value & 0xef;
            return;
        case kSequencerIndex:
            s_.sequencer_index = value & 7;
            return;
        case kSequencerData:
            if (s_.sequencer_index < s_.sequencer.size())
                s_.sequencer[s_.sequencer_index] = value & kSequencerBits[s_.sequencer_index];
            return;
        case kPelMask:
            s_.pel_mask = value;
            return;
        case kDacReadIndex:
            s_.dac_read = value;
            s_.dac_component = 0;
            s_.dac_reading = true;
            return;
        case kDacWriteIndex:
            s_.dac_write = value;
            s_.dac_component = 0;
            s_.dac_reading = false;
            return;
        case kDacData:
            return write_dac(value);
        case kGraphicsIndex:
            s_.graphics_index = value & 0x0f;
            return;
        case kGraphicsData:
            if (s_.graphics_index < s_.graphics.size())
                s_.graphics[s_.graphics_index] = value & kGraphicsBits[s_.graphics_index];
            return;
        case kMonoCrtcIndex:
        case kCrtcIndex:
            s_.crtc_index = value;
            return;
        case kMonoCrtcData:
        case kCrtcData:
            return write_crtc(value);
    }
}

// One port for index and data by turns; reading the status register starts over with the index.
void Vga::write_attribute(uint8_t value) {
    const bool data = s_.attribute_data_next;
    s_.attribute_data_next = !data;
    if (!data) {
        s_.attribute_index = value & 0x3f;
        return;
    }
    const unsigned index = s_.attribute_index & 0x1f;
    if (index >= s_.attribute.size()) return;
    if (index >= kAttributeMode)
        s_.attribute[index] = value & kAttributeBits[index - kAttributeMode];
    else if (!(s_.attribute_index & kPaletteLocked))
        s_.attribute[index] = value & 0x3f;
}

// Bit 7 of the retrace end register protects registers 0 to 7, but for one bit of the line compare.
void Vga::write_crtc(uint8_t value) {
    const unsigned index = s_.crtc_index;
    if (index >= s_.crtc.size()) return;
    if (index > kOverflow || !(s_.crtc[kRetraceEnd] & 0x80))
        s_.crtc[index] = value;
    else if (index == kOverflow)
        s_.crtc[index] = static_cast<uint8_t>((s_.crtc[index] & ~0x10) | (value & 0x10));
}

uint8_t Vga::read_dac() {
    const uint8_t value = s_.dac[s_.dac_read * 3u + s_.dac_component];
    if (++s_.dac_component == 3) {
        s_.dac_component = 0;
        ++s_.dac_read;
    }
    return value;
}

void Vga::write_dac(uint8_t value) {
    const bool eight_bits = s_.vbe[kVbeEnable] & kDac8Bit;
    s_.dac[s_.dac_write * 3u + s_.dac_component] = eight_bits ? value : value & 0x3f;
    if (++s_.dac_component == 3) {
        s_.dac_component = 0;
        ++s_.dac_write;
    }
}

}  // namespace ringfold
