// A VGA with 16 MiB of memory and the Bochs VBE extension ("stdvga"): registers, the memory window below 1 MiB, and
// the linear framebuffer (IBM PS/2 Video Subsystem reference; QEMU's docs/specs/standard-vga).
//
// The four planes of an address lie side by side, so offset o of plane p is byte 4 o + p, and byte n of chained memory
// is byte n. A guest sees the difference to IBM's only when it writes in one mode and reads in the other.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "devices/device.h"
#include "devices/picture.h"
#include "devices/vga_picture.h"
#include "devices/vga_registers.h"
#include "devices/video_memory.h"
#include "vmm/host/clock.h"

namespace ringfold {

class Vga final {
public:
    static constexpr uint32_t kMemoryBytes = kVgaMemoryBytes;

    using State = VgaState;

    // `memory`: of kMemoryBytes and kVgaTextBytes, and saved and restored by its owner.
    Vga(const Clock& clock, VideoMemory& memory);

    // 48 registers: 0-47 are ports 0x3B0 to 0x3DF.
    Device& ports() { return ports_; }
    // Registers: 0 is port 0x1CE, the index; 1 and 2 are 0x1CF and 0x1D0, the data. 16 bits wide.
    Device& vbe_ports() { return vbe_ports_; }
    // Physical 0xA0000 to 0xBFFFF.
    Device& window() { return window_; }
    // All of the memory, for a base address register.
    Device& framebuffer() { return framebuffer_; }
    // Called when what of window() and framebuffer() is plain memory has changed.
    void on_window_changed(std::function<void()> listener) { window_listener_ = std::move(listener); }

    Picture picture() const { return vga_picture(s_, memory_.data()); }
    TextScreen text_screen() const { return vga_text_screen(s_, memory_.data()); }
    // Another number after whatever may have changed the picture but its memory. See also VideoMemory::collect().
    uint64_t changes() const { return changes_; }
    VideoMemory& memory() const { return memory_; }

    void reset();
    const State& state() const { return s_; }
    void restore(const State& s);

private:
    std::vector<PlainRegisters> nothing_plain() const { return {}; }
    // One face of the card towards the bus.
    template <uint32_t (Vga::*Read)(uint32_t, unsigned), void (Vga::*Write)(uint32_t, unsigned, uint32_t),
              std::vector<PlainRegisters> (Vga::*Plain)() const = &Vga::nothing_plain>
    class Face final : public Device {
    public:
        explicit Face(Vga& vga) : vga_(vga) {}
        uint32_t read(uint32_t offset, unsigned size) override { return (vga_.*Read)(offset, size); }
        void write(uint32_t offset, unsigned size, uint32_t value) override { (vga_.*Write)(offset, size, value); }
        std::vector<PlainRegisters> plain() const override { return (vga_.*Plain)(); }
        void reset() override {}

    private:
        Vga& vga_;
    };
    void registers_changed();

    // vga.cpp
    uint32_t read_port(uint32_t offset, unsigned size);
    void write_port(uint32_t offset, unsigned size, uint32_t value);
    void write_register(uint32_t offset, uint8_t value);
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
    bool vbe_enabled() const { return s_.vbe[vga::kVbeEnable] & vga::kVbeOn; }
    // vga_memory.cpp
    uint32_t read_window(uint32_t offset, unsigned size);
    void write_window(uint32_t offset, unsigned size, uint32_t value);
    uint32_t read_framebuffer(uint32_t offset, unsigned size);
    void write_framebuffer(uint32_t offset, unsigned size, uint32_t value);
    PlainRegisters find_window() const;
    bool writes_plainly() const;
    PlainRegisters find_plain_window() const;
    std::vector<PlainRegisters> plain_window() const;
    std::vector<PlainRegisters> plain_framebuffer() const;
    void move_text();
    void store_byte(uint32_t offset, uint8_t value);
    bool packed() const;
    bool mapped(uint32_t& offset) const;
    uint8_t read_byte(uint32_t offset);
    void write_byte(uint32_t offset, uint8_t value);
    uint32_t planes_at(uint32_t offset) const;
    uint32_t combine(uint8_t value) const;
    void write_planes(uint32_t offset, uint8_t value, uint8_t planes);

    const Clock& clock_;
    VideoMemory& memory_;
    State s_;
    uint64_t changes_ = 1;
    PlainRegisters window_place_, plain_window_;  // as find_window() and find_plain_window() had them last
    bool text_aside_ = false;
    std::function<void()> window_listener_;
    Face<&Vga::read_port, &Vga::write_port> ports_{*this};
    Face<&Vga::read_vbe, &Vga::write_vbe> vbe_ports_{*this};
    Face<&Vga::read_window, &Vga::write_window, &Vga::plain_window> window_{*this};
    Face<&Vga::read_framebuffer, &Vga::write_framebuffer, &Vga::plain_framebuffer> framebuffer_{*this};
};

}  // namespace ringfold
