// A VGA with 16 MiB of memory and the Bochs VBE extension ("stdvga"): registers, the memory window below 1 MiB, and
// the linear framebuffer (IBM PS/2 Video Subsystem reference; QEMU's docs/specs/standard-vga).
//
// The four planes of an address lie side by side, so offset o of plane p is byte 4 o + p, and byte n of chained memory
// is byte n. A guest sees the difference to IBM's only when it writes in one mode and reads in the other.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "devices/device.h"
#include "devices/picture.h"
#include "vmm/host/clock.h"

namespace ringfold {

class Vga final {
public:
    static constexpr uint32_t kMemoryBytes = 16 << 20;

    struct State {
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
        std::vector<uint8_t> memory;

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "misc", misc, "pel_mask", pel_mask, "crtc_index", crtc_index, "sequencer_index",
                           sequencer_index, "graphics_index", graphics_index, "attribute_index", attribute_index,
                           "crtc", crtc, "sequencer", sequencer, "graphics", graphics, "attribute", attribute,
                           "attribute_data_next", attribute_data_next, "dac", dac, "dac_write", dac_write, "dac_read",
                           dac_read, "dac_component", dac_component, "dac_reading", dac_reading, "latch", latch,
                           "vbe_index", vbe_index, "vbe", vbe, "memory", memory);
            archive.require(memory.size() == kMemoryBytes, "memory");
            archive.require(dac_component < 3, "dac_component");
        }
    };

    explicit Vga(const Clock& clock);

    // 48 registers: 0-47 are ports 0x3B0 to 0x3DF.
    Device& ports() { return ports_; }
    // Registers: 0 is port 0x1CE, the index; 1 and 2 are 0x1CF and 0x1D0, the data. 16 bits wide.
    Device& vbe_ports() { return vbe_ports_; }
    // Physical 0xA0000 to 0xBFFFF.
    Device& window() { return window_; }
    // All of the memory, for a base address register.
    Device& framebuffer() { return framebuffer_; }

    Picture picture() const;
    // Another number after whatever may have changed the picture. The same: it is the same picture.
    uint64_t changes() const { return changes_; }
    TextScreen text_screen() const;

    void reset();
    const State& state() const { return s_; }
    void restore(const State& s) {
        s_ = s;
        ++changes_;
    }

private:
    // One face of the card towards the bus.
    template <uint32_t (Vga::*Read)(uint32_t, unsigned), void (Vga::*Write)(uint32_t, unsigned, uint32_t)>
    class Face final : public Device {
    public:
        explicit Face(Vga& vga) : vga_(vga) {}
        uint32_t read(uint32_t offset, unsigned size) override { return (vga_.*Read)(offset, size); }
        void write(uint32_t offset, unsigned size, uint32_t value) override {
            ++vga_.changes_;
            (vga_.*Write)(offset, size, value);
        }
        void reset() override {}

    private:
        Vga& vga_;
    };

    // vga.cpp
    uint32_t read_port(uint32_t offset, unsigned size);
    void write_port(uint32_t offset, unsigned size, uint32_t value);
    bool decodes(uint32_t offset) const;
    uint8_t input_status() const;
    void write_attribute(uint8_t value);
    void write_crtc(uint8_t value);
    uint8_t read_dac();
    void write_dac(uint8_t value);
    // vga_vbe.cpp
    uint32_t read_vbe(uint32_t offset, unsigned size);
    void write_vbe(uint32_t offset, unsigned size, uint32_t value);
    void write_vbe_register(uint16_t value);
    void enable_vbe(uint16_t value);
    void settle_virtual_size();
    bool vbe_enabled() const;
    // vga_memory.cpp
    uint32_t read_window(uint32_t offset, unsigned size);
    void write_window(uint32_t offset, unsigned size, uint32_t value);
    uint32_t read_framebuffer(uint32_t offset, unsigned size);
    void write_framebuffer(uint32_t offset, unsigned size, uint32_t value);
    bool mapped(uint32_t& offset) const;
    uint8_t read_byte(uint32_t offset);
    void write_byte(uint32_t offset, uint8_t value);
    uint32_t planes_at(uint32_t offset) const;
    uint32_t combine(uint8_t value) const;
    void write_planes(uint32_t offset, uint8_t value, uint8_t planes);

    friend class VgaPicture;

    const Clock& clock_;
    State s_;
    uint64_t changes_ = 1;
    Face<&Vga::read_port, &Vga::write_port> ports_{*this};
    Face<&Vga::read_vbe, &Vga::write_vbe> vbe_ports_{*this};
    Face<&Vga::read_window, &Vga::write_window> window_{*this};
    Face<&Vga::read_framebuffer, &Vga::write_framebuffer> framebuffer_{*this};
};

}  // namespace ringfold
