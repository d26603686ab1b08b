// The monitor's views of the interrupt controllers, in QEMU's forms.
#include <string_view>

#include <fmt/format.h>

#include "vmm/monitor/hmp.h"

namespace ringfold {

namespace {

std::string describe_chip(unsigned number, const PicChip::State& s) {
    return fmt::format(
        "pic{}: irr={:02x} imr={:02x} isr={:02x} hprio={} irq_base={:02x} rr_sel={:d} elcr={:02x} fnm={:d}\n", number,
        s.request, s.mask, s.service, (s.lowest + 1) & 7, s.vector_base, s.read_service, s.level,
        s.special_fully_nested);
}

constexpr uint32_t kLogical = 1 << 11, kActiveLow = 1 << 13, kRemoteIrr = 1 << 14, kLevel = 1 << 15, kMasked = 1 << 16;

std::string_view delivery_mode(uint32_t entry) {
    static constexpr std::string_view kNames[] = {"Fixed", "LowPri", "SMI", "...", "NMI", "INIT", "SIPI", "ExtINT"};
    return kNames[entry >> 8 & 7];
}
bool has_vector(uint32_t entry) {
    return (entry >> 8 & 7) < 2;
}

std::string describe_pin(unsigned pin, uint32_t low, uint32_t high) {
    static constexpr std::string_view kModes[] = {"fixed", "lowest", "SMI", "...", "NMI", "INIT", "...", "extINT"};
    return fmt::format("  pin {:<2} 0x{:016x} dest={:x} vec={:<3} {} {:<5} {:<6} {:<6} {}\n", pin,
                       uint64_t{high} << 32 | low, high >> 24, low & 0xff, low & kActiveLow ? "active-lo" : "active-hi",
                       low & kLevel ? "level" : "edge", low & kMasked ? "masked" : "", kModes[low >> 8 & 7],
                       low & kLogical ? "logical" : "physical");
}

// "name    3 5", or "(none)".
std::string describe_pins(std::string_view name, uint32_t pins) {
    std::string text = fmt::format("  {:<8}", name);
    if (!pins) return text + " (none)\n";
    for (unsigned pin = 0; pin < IoApic::kPins; ++pin)
        if (pins >> pin & 1) text += fmt::format(" {}", pin);
    return text + "\n";
}

std::string describe_io_apic(const IoApic::State& s) {
    std::string text = fmt::format("ioapic0: ver=0x{:x} id=0x{:02x} sel=0x{:02x}", IoApic::kVersion, s.id, s.select);
    if (s.select >= 0x10 && s.select < 0x10 + 2 * IoApic::kPins) text += fmt::format(" (redir[{}])", (s.select - 0x10) / 2);
    text += "\n";
    uint32_t remote = 0;
    for (unsigned pin = 0; pin < IoApic::kPins; ++pin) {
        text += describe_pin(pin, s.low[pin], s.high[pin]);
        if (s.low[pin] & kRemoteIrr) remote |= 1u << pin;
    }
    return text + describe_pins("IRR", s.waiting) + describe_pins("Remote IRR", remote);
}

std::string describe_lvt(std::string_view name, uint32_t lvt, bool timer) {
    const std::string vector = has_vector(lvt) ? fmt::format(" (vec {})", lvt & 0xff) : "";
    const std::string_view shots = !timer ? "" : lvt & LocalApic::kPeriodic ? "periodic" : "one-shot";
    return fmt::format("{}\t 0x{:08x} {} {:<5} {:<6} {:<7} {:<12} {:<6}{}\n", name, lvt,
                       lvt & kActiveLow ? "active-lo" : "active-hi", lvt & kLevel ? "level" : "edge",
                       lvt & kMasked ? "masked" : "", "", shots, delivery_mode(lvt), vector);
}

std::string describe_vectors(std::string_view name, const VectorSet& set, const VectorSet* level) {
    std::string text = fmt::format("{}\t", name);
    if (set.highest() < 0) return text + " (none)\n";
    for (unsigned vector = 0; vector < 256; ++vector) {
        const auto v = static_cast<uint8_t>(vector);
        if (set.contains(v)) text += fmt::format(" {}{}", vector, level && level->contains(v) ? "(level)" : "");
    }
    return text + "\n";
}

std::string describe_command(uint32_t icr, uint8_t destination) {
    static constexpr std::string_view kShorthands[] = {"no-shorthand", "self", "all-self", "all"};
    constexpr uint32_t kAssert = 1 << 14;
    return fmt::format("ICR\t 0x{:08x} {} {} {} {}\nICR2\t 0x{:08x} {} {} ({})\n", icr,
                       icr & kLogical ? "logical" : "physical", icr & kLevel ? "level" : "edge",
                       icr & kAssert ? "assert" : "de-assert", kShorthands[icr >> 18 & 3], uint32_t{destination} << 24,
                       icr & kLogical ? "mask" : "cpu", destination, icr & kLogical ? "logical" : "APIC ID");
}

template <class Counts>
std::string describe_counts(std::string_view controller, const Counts& counts) {
    std::string text = fmt::format("IRQ statistics for {}:\n", controller);
    for (size_t irq = 0; irq < counts.size(); ++irq)
        if (counts[irq]) text += fmt::format("{:2}: {}\n", irq, counts[irq]);
    return text;
}

}  // namespace

std::string Hmp::info_pic(Arguments&) {
    const Pic::State s = control_.machine().pic().state();
    const IoApic* io_apic = control_.machine().io_apic();
    return (io_apic ? describe_io_apic(io_apic->state()) : "") + describe_chip(1, s.slave) + describe_chip(0, s.master);
}

std::string Hmp::info_lapic(Arguments&) {
    const LocalApic* apic = control_.machine().local_apic();
    if (!apic) return "there is no local APIC (-machine pc has one)\n";
    const LocalApic::State s = apic->state();
    std::string text = "dumping local APIC state for CPU 0 \n\n";
    static constexpr std::pair<std::string_view, LocalApic::Lvt> kEntries[] = {
        {"LVT0", LocalApic::Lint0},   {"LVT1", LocalApic::Lint1},     {"LVTPC", LocalApic::Performance},
        {"LVTERR", LocalApic::Error}, {"LVTTHMR", LocalApic::Thermal}, {"LVTT", LocalApic::Timer}};
    for (const auto& [name, entry] : kEntries) text += describe_lvt(name, s.lvt[entry], entry == LocalApic::Timer);
    text += fmt::format("Timer\t DCR=0x{:x} (divide by {}) initial_count = {} current_count = {}\n", s.timer.divide,
                        apic->timer_divisor(), s.timer.initial, apic->timer_count());
    text += fmt::format("SPIV\t 0x{:08x} APIC {}, focus={}, spurious vec {}\n", s.spurious,
                        s.spurious & LocalApic::kSoftwareEnable ? "enabled" : "disabled", s.spurious & 0x200 ? "on" : "off",
                        s.spurious & 0xff);
    text += describe_command(s.command, s.command_destination);
    text += fmt::format("ESR\t 0x{:08x}\n", s.errors_shown);
    text += describe_vectors("ISR", s.service, &s.level) + describe_vectors("IRR", s.request, nullptr);
    return text + fmt::format("\nAPR 0x00 TPR 0x{:02x} DFR 0x{:02x} LDR 0x{:02x} PPR 0x{:02x}\n", s.task_priority,
                              s.destination_format, s.logical_destination, apic->processor_priority());
}

std::string Hmp::info_irq(Arguments&) {
    const IoApic* io_apic = control_.machine().io_apic();
    return (io_apic ? describe_counts("ioapic", io_apic->counts()) : "") +
           describe_counts("isa-i8259", control_.machine().pic().counts());
}

}  // namespace ringfold
