// The 8042 keyboard controller with the PS/2 second port (IBM PS/2 technical reference), ports 0x60 and 0x64.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <utility>

#include "devices/a20_gate.h"
#include "devices/device.h"
#include "devices/irq_line.h"
#include "devices/ps2_keyboard.h"
#include "devices/ps2_mouse.h"

namespace ringfold {

// Registers: 0 data (0x60), 1 status and command (0x64).
class I8042 final : public Device {
public:
    struct Registers {
        std::array<uint8_t, 32> ram{};  // byte 0 is the command byte
        uint8_t status = 0x10;          // keyboard not locked; the output buffer's bits are in `source`
        uint8_t output = 0;             // output buffer, and what it shows once empty
        uint8_t source = 0;             // 0 empty, else Source
        uint8_t command = 0;            // a command that waits for its parameter
        bool break_prefix = false;      // translation: F0 has come from the keyboard
        Ps2Queue answers;               // the controller's own bytes that wait for the output buffer

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "ram", ram, "status", status, "output", output, "source", source, "command", command,
                           "break_prefix", break_prefix, "answers", answers);
            archive.require(source <= 2, "source");
        }
    };
    struct State {
        Registers registers;
        Ps2Keyboard::State keyboard;
        Ps2Mouse::State mouse;

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "registers", registers, "keyboard", keyboard, "mouse", mouse);
        }
    };

    I8042(IrqLine keyboard_irq, IrqLine mouse_irq, A20Gate& a20, std::function<void()> request_reset);

    uint32_t read(uint32_t offset, unsigned size) override;
    void write(uint32_t offset, unsigned size, uint32_t value) override;
    void reset() override;

    // The user's hands; see Ps2Keyboard::key() and Ps2Mouse::move().
    bool key(uint8_t key, bool down);
    void move_mouse(int dx, int dy, int dz, uint8_t buttons);
    uint8_t leds() const { return keyboard_.state().leds; }

    State state() const { return {registers_, keyboard_.state(), mouse_.state()}; }
    void restore(const State& s);

private:
    enum Source : uint8_t { kEmpty, kKeyboard, kMouse };

    uint8_t read_data();
    void write_command(uint8_t command);
    void write_data(uint8_t value);
    void write_output_port(uint8_t value);
    uint8_t output_port() const;
    void answer(uint8_t byte);
    void fill_output_buffer();
    void put(uint8_t byte, Source source);
    std::optional<uint8_t> byte_from_keyboard();
    void update_irqs();

    IrqLine keyboard_irq_, mouse_irq_;
    A20Gate& a20_;
    std::function<void()> request_reset_;
    Ps2Keyboard keyboard_;
    Ps2Mouse mouse_;
    Registers registers_;
};

}  // namespace ringfold
