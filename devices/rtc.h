// The MC146818A real-time clock with its CMOS memory, behind ports 0x70 and 0x71.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "devices/device.h"
#include "devices/irq_line.h"
#include "devices/timed_device.h"

namespace ringfold {

// Registers: 0 index, 1 data.
class Rtc final : public Device, public TimedDevice {
public:
    static constexpr int64_t kFarthest = int64_t{1} << 61;  // sums of two such times do not overflow

    struct State {
        uint8_t index = 0;
        std::array<uint8_t, 128> cmos{};  // time registers: valid only while the clock is stopped
        // The divider chain counts seconds of clock + phase; the time of day is that count + epoch, since 1970.
        Nanoseconds phase = 0;
        int64_t epoch = 0;
        Nanoseconds wall_offset = 0;  // of the host's time of day to the clock, as far as it was followed
        Nanoseconds seen = 0;         // register C's flags are up to date to this time on the clock

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "index", index, "cmos", cmos, "phase", phase, "epoch", epoch, "wall_offset",
                           wall_offset, "seen", seen);
            const auto in_time = [](int64_t t) { return t > -kFarthest && t < kFarthest; };
            archive.require(in_time(phase) && in_time(epoch) && in_time(seen), "phase");
        }
    };

    // Starts at the clock's wall time, which it shows in UTC, and follows it when the host slept, or set its own clock,
    // by a second or more.
    Rtc(const Clock& clock, IrqLine irq8);

    uint32_t read(uint32_t offset, unsigned size) override;
    void write(uint32_t offset, unsigned size, uint32_t value) override;
    void reset() override;

    std::optional<Nanoseconds> next_deadline() const override;
    void advance(Nanoseconds now) override;

    // What firmware and old kernels read about the machine: conventional memory, and extended memory in the three
    // encodings of QEMU's and SeaBIOS's CMOS map.
    void set_memory_size(uint64_t bytes);
    // The BIOS's boot devices in order: 'a' floppy, 'c' hard disk, 'd' CD-ROM, 'n' network; the first three count.
    void set_boot_order(std::string_view letters);
    void set_cmos(uint8_t index, uint8_t value) { state_.cmos[index & 0x7f] = value; }
    uint8_t cmos(uint8_t index) const { return state_.cmos[index & 0x7f]; }

    const State& state() const { return state_; }
    void restore(const State& s);

private:
    bool divider_running() const;
    bool running() const;
    int64_t seconds(Nanoseconds now) const { return (now + state_.phase) / kSecond + state_.epoch; }
    bool update_in_progress() const;
    uint8_t read_register();
    void write_register(uint8_t value);
    void write_control_a(uint8_t value, Nanoseconds now);
    void write_control_b(uint8_t value, Nanoseconds now);
    void write_time(uint8_t index, uint8_t value, Nanoseconds now);
    void stop(Nanoseconds now);
    void start(Nanoseconds now);
    void store_time(int64_t seconds);
    int64_t load_time() const;
    uint8_t encode(unsigned value) const;
    unsigned decode(uint8_t value) const;
    uint8_t encode_hour(unsigned hour) const;
    unsigned decode_hour(uint8_t value) const;
    void follow_wall();
    bool alarm_between(int64_t after, int64_t until) const;
    int64_t periodic_interval() const;
    void update_irq();

    const Clock& clock_;
    IrqLine irq8_;
    State state_;
};

}  // namespace ringfold
