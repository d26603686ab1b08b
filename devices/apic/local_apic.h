// The local APIC of the one CPU (Intel SDM volume 3, chapter 10): what stands between the interrupt controllers and
// the CPU's pins, with a timer of its own.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>

#include "devices/apic/apic_timer.h"
#include "devices/apic/interrupt_message.h"
#include "devices/apic/vector_set.h"
#include "devices/device.h"
#include "devices/timed_device.h"
#include "vmm/base/io.h"

namespace ringfold {

// The 4 KiB of registers, each at a multiple of 16 bytes and reached by aligned accesses of 32 bits.
class LocalApic final : public Device, public InterruptController, public InterruptMessages, public TimedDevice {
public:
    static constexpr uint32_t kVersion = 0x14;
    static constexpr uint64_t kUsualBase = 0xfee00000;
    static constexpr uint64_t kBootstrap = 1 << 8, kEnabled = 1 << 11;  // IA32_APIC_BASE
    enum Lvt : unsigned { Timer, Thermal, Performance, Lint0, Lint1, Error, kLvtEntries };
    static constexpr uint32_t kMasked = 1 << 16, kPeriodic = 1 << 17, kSoftwareEnable = 1 << 8;

    struct State {
        uint64_t base = kUsualBase | kEnabled | kBootstrap;
        uint8_t id = 0, task_priority = 0, logical_destination = 0;
        uint8_t destination_format = 0xf;
        uint32_t spurious = 0xff;
        VectorSet request, service, level;  // IRR, ISR, TMR
        uint8_t errors = 0, errors_shown = 0;
        uint32_t command = 0;
        uint8_t command_destination = 0;
        // Firmware has led the 8259 pair's INTR through LINT0 ("virtual wire") before anything else runs.
        std::array<uint32_t, kLvtEntries> lvt{kMasked, kMasked, kMasked, 0x700, kMasked, kMasked};
        ApicTimer::State timer;
        bool nmi = false;
        bool external = false;  // an I/O APIC has sent ExtINT, and no vector was fetched yet

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "base", base, "id", id, "task_priority", task_priority, "logical_destination",
                           logical_destination, "destination_format", destination_format, "spurious", spurious,
                           "request", request, "service", service, "level", level, "errors", errors, "errors_shown",
                           errors_shown, "command", command, "command_destination", command_destination, "lvt", lvt,
                           "timer", timer, "nmi", nmi, "external", external);
            archive.require((base & ~kBaseBits) == 0, "base");
        }
    };

    // What is around it. `pins_changed`: intr() or nmi() may have changed. `placed`: its registers, which begin
    // at kUsualBase, are to be there now, or nowhere. `init`: it was told to reset the CPU.
    struct Surroundings {
        InterruptController& pic;
        std::function<void()> pins_changed;
        std::function<void(std::optional<GuestPhys>)> placed;
        std::function<void()> init;
    };
    LocalApic(const Clock&, Surroundings);
    // Who hears of the ends of interrupts.
    void connect(InterruptSource& source) { source_ = &source; }
    // The INTR output of the 8259 pair, which is wired to LINT0, may have changed.
    void pic_changed();

    uint32_t read(uint32_t offset, unsigned size) override;
    void write(uint32_t offset, unsigned size, uint32_t value) override;
    void reset() override;

    bool intr() const override { return intr_; }
    uint8_t acknowledge() override;
    bool nmi() const override { return state_.nmi; }
    void acknowledge_nmi() override { state_.nmi = false; }
    uint64_t apic_base() const override { return state_.base; }
    bool set_apic_base(uint64_t value) override;

    bool deliver(const InterruptMessage&) override;

    std::optional<Nanoseconds> next_deadline() const override;
    void advance(Nanoseconds now) override;

    uint8_t processor_priority() const;
    uint32_t timer_count() const { return timer_.current(clock_.now()); }
    unsigned timer_divisor() const { return timer_.divisor(); }
    State state() const;
    void restore(const State& s);

private:
    static constexpr uint64_t kBaseBits = 0xffffff000 | kEnabled | kBootstrap;

    bool enabled() const { return state_.base & kEnabled; }
    bool accepts() const { return enabled() && state_.spurious & kSoftwareEnable; }
    bool external_waits() const;
    bool matches(uint8_t destination, bool logical) const;
    uint32_t read_register(uint32_t number);
    void write_register(uint32_t number, uint32_t value);
    void write_spurious(uint32_t value);
    void write_lvt(Lvt entry, uint32_t value);
    void end_of_interrupt();
    void send_command();
    bool take(const InterruptMessage&);
    bool request(uint8_t vector, bool level);
    void deliver_local(Lvt entry);
    void deliver_lint0();
    void error(uint8_t bits);
    void destination_changed();
    void place();
    void update();

    const Clock& clock_;
    Surroundings around_;
    InterruptSource* source_ = nullptr;
    State state_;  // but for the timer's part
    ApicTimer timer_;
    bool intr_ = false;
    bool pic_intr_ = false;  // as last seen: LINT0's edges
};

}  // namespace ringfold
