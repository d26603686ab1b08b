// Two cascaded 8259A interrupt controllers, as the PC wires them (Intel 8259A data sheet, 231468).
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "devices/device.h"
#include "devices/irq_line.h"
#include "vmm/base/io.h"

namespace ringfold {

// One 8259A. What a cascade adds is in Pic.
class PicChip {
public:
    struct State {
        uint8_t lines = 0;    // levels of IR0-7
        uint8_t request = 0;  // IRR
        uint8_t service = 0;  // ISR
        uint8_t mask = 0;     // IMR
        uint8_t level = 0;    // ELCR: inputs that are level-triggered
        uint8_t vector_base = 0;
        uint8_t lowest = 7;     // input of lowest priority
        uint8_t init_step = 0;  // the ICW that is expected next on the odd port, 0 when initialised
        bool single = false, wants_icw4 = false;
        bool auto_eoi = false, rotate_on_auto_eoi = false;
        bool special_mask = false, special_fully_nested = false;
        bool read_service = false, poll = false;

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "lines", lines, "request", request, "service", service, "mask", mask, "level", level,
                           "vector_base", vector_base, "lowest", lowest, "init_step", init_step, "single", single,
                           "wants_icw4", wants_icw4, "auto_eoi", auto_eoi, "rotate_on_auto_eoi", rotate_on_auto_eoi,
                           "special_mask", special_mask, "special_fully_nested", special_fully_nested, "read_service",
                           read_service, "poll", poll);
            archive.require(lowest < 8 && init_step <= 4, "lowest");
        }
    };

    // `level_capable`: inputs that ELCR can make level-triggered. `cascade`: the input that a slave drives, or 0xff.
    PicChip(uint8_t level_capable, uint8_t cascade) : level_capable_(level_capable), cascade_(cascade) {}

    uint8_t read(bool odd_port);
    void write(bool odd_port, uint8_t value);
    uint8_t elcr() const { return state_.level; }
    void set_elcr(uint8_t value);
    void reset();

    void set_input(unsigned input, bool level);
    bool output() const { return pending() >= 0; }
    // INTA: the input that is served, or -1 if none asks any more (the vector is then that of IR7).
    int acknowledge();
    uint8_t vector(unsigned input) const { return state_.vector_base | (input & 7); }

    const State& state() const { return state_; }
    void restore(const State& s) { state_ = s; }

private:
    int pending() const;
    int highest(uint8_t set) const;
    void begin_initialisation(uint8_t icw1);
    void continue_initialisation(uint8_t value);
    void operation_command2(uint8_t value);
    void operation_command3(uint8_t value);
    void end_of_interrupt(unsigned input, bool rotate);

    State state_;
    uint8_t level_capable_;
    uint8_t cascade_;
};

// Registers: 0-1 master (ports 0x20), 2-3 slave (0xa0), 4-5 ELCR (0x4d0). Inputs 0-15 are the PC's IRQs; IRQ2 is
// the cascade and cannot be driven.
class Pic final : public Device, public IrqSink, public InterruptController {
public:
    struct State {
        PicChip::State master, slave;

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "master", master, "slave", slave);
        }
    };

    // `intr_changed` is called when the INTR pin's level may have changed.
    explicit Pic(std::function<void()> intr_changed = {}) : intr_changed_(std::move(intr_changed)) {}
    void on_intr_changed(std::function<void()> f) { intr_changed_ = std::move(f); }

    uint32_t read(uint32_t offset, unsigned size) override;
    void write(uint32_t offset, unsigned size, uint32_t value) override;
    void reset() override;

    void set_irq(unsigned input, bool level) override;
    IrqLine line(unsigned input) { return IrqLine(*this, input); }

    // How often each line has gone up since power-on.
    const std::array<uint64_t, 16>& counts() const { return counts_; }

    bool intr() const override { return intr_; }
    uint8_t acknowledge() override;

    State state() const { return {master_.state(), slave_.state()}; }
    void restore(const State& s);

private:
    void update();

    // IRQ 0, 1, 2, 8 and 13 are edge-triggered whatever ELCR is told (82371SB data sheet, 4D0h and 4D1h).
    PicChip master_{0xf8, 2}, slave_{0xde, 0xff};
    std::function<void()> intr_changed_;
    bool intr_ = false;
    std::array<uint64_t, 16> counts_{};
};

}  // namespace ringfold
