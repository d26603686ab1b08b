// The high precision event timers (IA-PC HPET specification 1.0a): one counter of 64 bits and three comparators, of which
// two can take the places of the 8254 and the RTC ("legacy replacement").
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "devices/device.h"
#include "devices/irq_line.h"
#include "devices/timed_device.h"

namespace ringfold {

// The 1 KiB of registers at kBase. The interrupts of the 8254 and the RTC come through here, as inputs 0 and 8, and go on
// unless replaced; on a machine without HPET that is all it does.
class Hpet final : public Device, public IrqSink, public TimedDevice {
public:
    static constexpr uint64_t kBase = 0xfed00000;
    static constexpr uint32_t kBytes = 0x400;
    static constexpr unsigned kTimers = 3;
    static constexpr Nanoseconds kTick = 10;
    // Capabilities, lower half: revision 1, three timers, 64 bits, legacy replacement; what ACPI tells as its ID.
    static constexpr uint32_t kId = 0x8086a201;
    // Pins of the I/O APIC that a timer's interrupt can be led to: those where nothing else is.
    static constexpr uint32_t kRoutes = 0x00ff0000;

    struct Timer {
        uint32_t config = 0;
        uint64_t comparator = ~uint64_t{0};
        uint64_t period = 0;  // the comparator moves on by this, in periodic mode

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "config", config, "comparator", comparator, "period", period);
        }
    };
    struct State {
        uint32_t config = 0, status = 0;
        uint64_t base = 0;  // the counter, less the time in ticks while it runs
        uint64_t seen = 0;  // matches up to this count are dealt with
        std::array<Timer, kTimers> timers;
        uint8_t high_half = 0;  // 1 + the timer whose comparator's upper half is next, to be set with the lower
        bool pit = false, rtc = false;  // their levels

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "config", config, "status", status, "base", base, "seen", seen, "timers", timers,
                           "high_half", high_half, "pit", pit, "rtc", rtc);
            archive.require(high_half <= kTimers, "high_half");
            archive.require(seen - base < uint64_t{1} << 58 || !(config & 1), "seen");  // the clock's time then, in ticks
        }
    };

    Hpet(const Clock& clock, IrqSink& irqs) : clock_(clock), irqs_(irqs) {}
    // Where the timers' own routes lead.
    void connect(IrqSink& pins) { pins_ = &pins; }
    IrqLine line(unsigned irq) { return IrqLine(*this, irq); }
    // `listener` hears when the 8254 and the RTC are replaced, and when not any more.
    void on_replaced(std::function<void(bool)> listener) { replaced_ = std::move(listener); }

    uint32_t read(uint32_t offset, unsigned size) override;
    void write(uint32_t offset, unsigned size, uint32_t value) override;
    void reset() override;
    void set_irq(unsigned irq, bool level) override;

    std::optional<Nanoseconds> next_deadline() const override;
    void advance(Nanoseconds now) override;

    const State& state() const { return state_; }
    void restore(const State& s);

private:
    bool running() const;
    bool replaces() const;
    uint64_t counter(Nanoseconds now) const;
    uint64_t ahead(const Timer&) const;
    uint32_t read_timer(const Timer&, uint32_t offset) const;
    void write_config(uint32_t value);
    void write_counter(unsigned half, uint32_t value);
    void write_timer_config(unsigned n, uint32_t value);
    void write_comparator(unsigned n, unsigned half, uint32_t value);
    void replace(bool on);
    void match(unsigned n);
    unsigned route(unsigned n) const;
    void drive(unsigned route, bool level);
    uint32_t levels() const;
    void update_levels();

    const Clock& clock_;
    IrqSink& irqs_;
    IrqSink* pins_ = nullptr;
    State state_;
    std::function<void(bool)> replaced_;
    uint32_t driven_ = 0;  // level-triggered routes that are held up
};

}  // namespace ringfold
