// One counter of the 8254: its six modes as functions of time, measured in ticks of its 1.193182 MHz input.
#pragma once

#include <cstdint>
#include <optional>

namespace ringfold {

// Nothing here runs: each question brings the tick at which it is asked, and ticks never go back. Figures cited
// are from Intel's 82C54 data sheet (231244), "Mode definitions".
class PitCounter {
public:
    using Tick = int64_t;

    static constexpr Tick kLatest = Tick{1} << 56;  // no machine lives so long

    struct State {
        uint8_t mode = 3;
        uint8_t access = 3;  // RW bits of the control word: 1 low byte, 2 high byte, 3 low then high
        bool bcd = false;
        bool gate = true;
        bool write_high_next = false, read_high_next = false;
        uint8_t written_low = 0;

        uint32_t reload = 0x10000;            // initial count in use, 1 to 65536
        bool loaded = true;                   // a count has been written since the control word
        bool running = true;                  // counting, or, if false, held at `elapsed`
        Tick start = 0;                       // running: the tick at which `elapsed` was 0
        Tick elapsed = 0;                     // not running: ticks counted so far
        bool triggered = false;               // modes 1 and 5: the gate has risen since the control word
        std::optional<uint32_t> next_reload;  // modes 1, 2, 3, 5: written and waiting for its turn
        Tick next_reload_at = 0;              // modes 2 and 3: the tick of that turn

        std::optional<uint8_t> latched_status;
        uint8_t latched_bytes = 0;  // how many bytes of latched_count are still to be read
        uint16_t latched_count = 0;

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "mode", mode, "access", access, "bcd", bcd, "gate", gate, "write_high_next",
                           write_high_next, "read_high_next", read_high_next, "written_low", written_low, "reload",
                           reload, "loaded", loaded, "running", running, "start", start, "elapsed", elapsed,
                           "triggered", triggered, "next_reload", next_reload, "next_reload_at", next_reload_at,
                           "latched_status", latched_status, "latched_bytes", latched_bytes, "latched_count",
                           latched_count);
            archive.require(mode <= 5 && access >= 1 && access <= 3, "mode");
            archive.require(reload >= 1 && reload <= 0x10000 && next_reload.value_or(1) - 1 < 0x10000, "reload");
            archive.require(start >= 0 && start < kLatest && elapsed >= 0 && elapsed < kLatest && next_reload_at >= 0 &&
                                next_reload_at < kLatest,
                            "start");
        }
    };

    void control(uint8_t word, Tick now);
    void write(uint8_t value, Tick now);
    uint8_t read(Tick now);
    void set_gate(bool level, Tick now);
    void latch_count(Tick now);
    void latch_status(Tick now);

    bool out(Tick now);
    // The first tick after `after` at which OUT rises if nothing is written until then.
    std::optional<Tick> next_rise(Tick after);

    const State& state() const { return state_; }
    void restore(const State& s) { state_ = s; }

private:
    Tick elapsed(Tick now) const;
    uint32_t high_ticks(uint32_t reload) const { return (reload + 1) / 2; }
    uint16_t count(Tick now);
    uint16_t encode(uint32_t count) const;
    void load(uint32_t reload, Tick now);
    void hold(Tick now);
    void settle(Tick now);
    void accept(uint16_t raw, Tick now);

    State state_;
};

}  // namespace ringfold
