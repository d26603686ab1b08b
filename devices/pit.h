// The 8254 interval timer: three counters behind ports 0x40 to 0x43, the first of them wired to IRQ0.
#pragma once

#include <array>
#include <cstdint>

#include "devices/device.h"
#include "devices/irq_line.h"
#include "devices/pit_counter.h"
#include "devices/timed_device.h"

namespace ringfold {

// Registers: 0-2 counters, 3 control word. Ticks that came while nobody could run advance() count as one.
class Pit final : public Device, public TimedDevice {
public:
    static constexpr int64_t kFrequency = 1'193'182;

    struct State {
        std::array<PitCounter::State, 3> counter;
        PitCounter::Tick irq_seen = 0;  // edges of OUT0 up to this tick are delivered

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "counter", counter, "irq_seen", irq_seen);
            archive.require(irq_seen >= 0 && irq_seen < PitCounter::kLatest, "irq_seen");
        }
    };

    Pit(const Clock& clock, IrqLine irq0);

    uint32_t read(uint32_t offset, unsigned size) override;
    void write(uint32_t offset, unsigned size, uint32_t value) override;
    void reset() override;

    std::optional<Nanoseconds> next_deadline() const override;
    void advance(Nanoseconds now) override;

    // Whether IRQ 0 leads anywhere: else no edge of OUT0 is worth waking up for.
    void set_heard(bool heard);
    // Counter 2's pins, which port 0x61 holds.
    void set_speaker_gate(bool level);
    bool speaker_gate() const { return counter_[2].state().gate; }
    bool speaker_out() { return counter_[2].out(now()); }

    State state() const;
    void restore(const State& s);

private:
    PitCounter::Tick now() const;
    void control(uint8_t word, PitCounter::Tick now);
    void read_back(uint8_t word, PitCounter::Tick now);

    const Clock& clock_;
    IrqLine irq0_;
    std::array<PitCounter, 3> counter_;
    PitCounter::Tick irq_seen_ = 0;
    bool heard_ = true;
};

}  // namespace ringfold
