// Power management of the PIIX4.
#include "devices/piix4_pm.h"

#include <utility>

#include "vmm/base/log.h"

namespace ringfold {

namespace {

constexpr uint8_t kPmBase = 0x40, kDeviceActivityB = 0x58, kPmEnable = 0x80;
constexpr uint32_t kSmiByCommand = 1u << 25;

// Registers behind PMBASE.
constexpr uint32_t kPmStatus = 0x00, kPmInterruptEnable = 0x02, kPmControl = 0x04, kPmTimer = 0x08, kPmBytes = 0x40;
constexpr uint16_t kTimerOverflow = 1u << 0, kGlobal = 1u << 5, kPowerButton = 1u << 8, kRtcAlarm = 1u << 10;
constexpr uint16_t kEvents = kTimerOverflow | kGlobal | kPowerButton | kRtcAlarm;
constexpr uint16_t kSciEnable = 1u << 0, kSuspendType = 7u << 10, kSuspend = 1u << 13;
constexpr uint16_t kSoftOff = 0u << 10;

// Values of the SMI command port by which the ACPI tables have a guest take the power management over, and give it
// back. System firmware would do what they ask for in its SMI handler; there is no such mode here, so the port does.
constexpr uint8_t kAcpiEnable = 0xf1, kAcpiDisable = 0xf0;

constexpr int64_t kTimerHz = 3'579'545;
constexpr uint32_t kTimerBits = 0xffffff;
constexpr int64_t kHalfPeriod = 1 << 23;  // the overflow bit tells of each change of bit 23

int64_t ticks(Nanoseconds t) {
    return static_cast<int64_t>(static_cast<__int128>(t) * kTimerHz / kSecond);
}
Nanoseconds time_of(int64_t tick) {
    return static_cast<Nanoseconds>((static_cast<__int128>(tick) * kSecond + kTimerHz - 1) / kTimerHz);
}

}  // namespace

Piix4Pm::Piix4Pm(const Clock& clock, IrqLine sci, std::function<void()> power_off)
    : PciDevice({.vendor = 0x8086, .device = 0x7113, .class_code = 0x068000, .revision = 3, .interrupt_pin = 1}),
      clock_(clock),
      sci_(sci),
      power_off_(std::move(power_off)),
      seen_(clock.now()) {
    define(kInterruptLine, 1, 9, 0xff);
    define(kPmBase, 4, 1, 0xffc0);
    define(kPmEnable, 1, 0, 1);
    // Set from the start: for firmware it means that its SMI handler is already in place.
    define(kDeviceActivityB, 4, kSmiByCommand, kSmiByCommand);
    add_window({.space = PciBar::Space::Io, .size = kPmBytes, .registers = &pm_registers_});
}

void Piix4Pm::place_ports(uint16_t base) {
    set_config(kPmBase, 2, base | 1u);
    set_config(kPmEnable, 1, 1);
}

std::optional<uint32_t> Piix4Pm::decoded(const PciBar&) const {
    const uint32_t base = config(kPmBase, 2) & 0xffc0;
    if (!(config(kPmEnable, 1) & 1) || base == 0) return std::nullopt;
    return base;
}

uint32_t Piix4Pm::timer() const {
    return static_cast<uint32_t>(ticks(clock_.now())) & kTimerBits;
}

void Piix4Pm::press_power_button() {
    status_ |= kPowerButton;
    update_sci();
}

void Piix4Pm::update_sci() {
    sci_.set((control_ & kSciEnable) && (status_ & enable_ & kEvents));
}

void Piix4Pm::advance(Nanoseconds now) {
    if (now <= seen_) return;
    if (ticks(now) / kHalfPeriod != ticks(seen_) / kHalfPeriod) status_ |= kTimerOverflow;
    seen_ = now;
    update_sci();
}

std::optional<Nanoseconds> Piix4Pm::next_deadline() const {
    if (!(control_ & kSciEnable) || !(enable_ & kTimerOverflow) || (status_ & kTimerOverflow)) return std::nullopt;
    return time_of((ticks(seen_) / kHalfPeriod + 1) * kHalfPeriod);
}

void Piix4Pm::write_control(uint16_t value) {
    control_ = value & (kSciEnable | kSuspendType | 2);
    if (!(value & kSuspend)) return;
    if ((value & kSuspendType) == kSoftOff) {
        if (power_off_) power_off_();
    } else {
        log::print(log::GuestErrors, "PIIX4: sleep type {}: there is only soft off, 0\n", value >> 10 & 7);
    }
}

uint32_t Piix4Pm::read_pm(uint32_t offset, unsigned size) {
    if (offset >= kPmTimer && offset < kPmTimer + 4) return timer() >> 8 * (offset - kPmTimer);
    advance(clock_.now());
    const uint16_t registers[] = {status_, enable_, control_, 0};
    uint32_t value = 0;
    for (unsigned n = 0; n < size; ++n) {
        const uint32_t at = offset + n;
        if (at < 8) value |= (registers[at / 2] >> 8 * (at % 2) & 0xffu) << 8 * n;
    }
    return value;
}

// Each 16-bit register is written whole or by halves; 32 bits at 0 are both of the first two.
void Piix4Pm::write_pm(uint32_t offset, unsigned size, uint32_t value) {
    advance(clock_.now());
    const auto merged = [&](uint32_t at, uint16_t before) {
        uint32_t result = before;
        for (unsigned n = 0; n < size; ++n) {
            const uint32_t byte = offset + n;
            if (byte / 2 != at / 2) continue;
            const unsigned shift = 8 * (byte % 2);
            result = (result & ~(0xffu << shift)) | (value >> 8 * n & 0xff) << shift;
        }
        return static_cast<uint16_t>(result);
    };
    const auto meets = [&](uint32_t at) { return offset < at + 2 && offset + size > at; };
    if (meets(kPmStatus)) status_ &= static_cast<uint16_t>(~merged(kPmStatus, 0));
    if (meets(kPmInterruptEnable)) enable_ = merged(kPmInterruptEnable, enable_) & kEvents;
    if (meets(kPmControl)) write_control(merged(kPmControl, control_));
    update_sci();
    deadline_moved();
}

uint32_t Piix4Pm::read_smi(uint32_t offset, unsigned) {
    return offset == 0 ? smi_command_ : smi_status_;
}

void Piix4Pm::write_smi(uint32_t offset, unsigned, uint32_t value) {
    if (offset == 1) {
        smi_status_ = static_cast<uint8_t>(value);
        return;
    }
    smi_command_ = static_cast<uint8_t>(value);
    if (value == kAcpiEnable) control_ |= kSciEnable;
    if (value == kAcpiDisable) control_ &= static_cast<uint16_t>(~kSciEnable);
    update_sci();
    deadline_moved();
}

void Piix4Pm::reset() {
    status_ = enable_ = control_ = 0;
    smi_command_ = smi_status_ = 0;
    update_sci();
    deadline_moved();
}

Piix4Pm::State Piix4Pm::state() const {
    return {pci_state(), status_, enable_, control_, smi_command_, smi_status_, seen_};
}

void Piix4Pm::restore(const State& s) {
    restore_pci(s.pci);
    status_ = s.status;
    enable_ = s.enable;
    control_ = s.control;
    smi_command_ = s.smi_command;
    smi_status_ = s.smi_status;
    seen_ = s.seen;
    update_sci();
    deadline_moved();
}

}  // namespace ringfold
