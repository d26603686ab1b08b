// The monitor's view of the PCI bus, in QEMU's form.
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "vmm/monitor/hmp.h"

namespace ringfold {

namespace {

constexpr uint8_t kVendor = 0x00, kDevice = 0x02, kClass = 0x0a, kFirstBar = 0x10, kSubsystemVendor = 0x2c, kSubsystem = 0x2e,
                  kInterruptLine = 0x3c, kInterruptPin = 0x3d;
constexpr unsigned kRomNumber = 6;  // QEMU counts the ROM behind the six others

// Base class and subclass (PCI Local Bus Specification 2.1, appendix D) of what a Ringfold machine can have.
std::string describe_class(uint32_t code) {
    static constexpr std::pair<uint32_t, std::string_view> kNames[] = {
        {0x0100, "SCSI controller"}, {0x0101, "IDE controller"}, {0x0200, "Ethernet controller"},
        {0x0300, "VGA controller"},  {0x0600, "Host bridge"},    {0x0601, "ISA bridge"},
        {0x0680, "Bridge"}};
    for (const auto& [known, name] : kNames)
        if (known == code) return std::string(name);
    return fmt::format("Class {:04}", code);
}

// Ports whose place is told in another way, as the PIIX4's power management has them, lack a register that says it is of
// ports in bit 0.
bool has_register(const PciDevice& function, const PciBar& bar) {
    constexpr uint32_t kIoSpace = 1;
    const auto offset = static_cast<uint8_t>(kFirstBar + 4 * bar.index);
    return bar.space != PciBar::Space::Io || function.config_read(offset, 4) & kIoSpace;
}

// A register that decodes nothing is at the greatest address of 64 bits, as QEMU has it.
std::string describe_bar(const PciDevice& function, const PciBar& bar) {
    const auto decoded = function.decoded(bar);
    const uint64_t first = decoded ? uint64_t{*decoded} : ~uint64_t{0}, last = first + bar.size - 1;
    const unsigned number = bar.space == PciBar::Space::Rom ? kRomNumber : bar.index;
    if (bar.space == PciBar::Space::Io) return fmt::format("      BAR{}: I/O at 0x{:04x} [0x{:04x}].\n", number, first, last);
    return fmt::format("      BAR{}: 32 bit {}memory at 0x{:08x} [0x{:08x}].\n", number,
                       bar.space == PciBar::Space::Prefetchable ? "prefetchable " : "", first, last);
}

std::string describe_function(unsigned devfn, const PciDevice& f) {
    std::string text = fmt::format("  Bus {:2}, device {:3}, function {}:\n", 0, devfn >> 3, devfn & 7);
    text += fmt::format("    {}: PCI device {:04x}:{:04x}\n", describe_class(f.config_read(kClass, 2)), f.config_read(kVendor, 2),
                        f.config_read(kDevice, 2));
    if (const uint32_t vendor = f.config_read(kSubsystemVendor, 2))
        text += fmt::format("      PCI subsystem {:04x}:{:04x}\n", vendor, f.config_read(kSubsystem, 2));
    if (const uint32_t pin = f.config_read(kInterruptPin, 1))
        text += fmt::format("      IRQ {}, pin {}\n", f.config_read(kInterruptLine, 1), static_cast<char>('A' + pin - 1));
    for (const PciBar& bar : f.bars())
        if (has_register(f, bar)) text += describe_bar(f, bar);
    return text + "      id \"\"\n";
}

}  // namespace

std::string Hmp::info_pci(Arguments&) {
    Chipset* chipset = control_.machine().chipset();
    if (!chipset) return "there is no PCI bus (-machine pc has one)\n";
    std::string text;
    for (unsigned devfn = 0; devfn < 256; ++devfn)
        if (const PciDevice* f = chipset->pci().function_at(static_cast<uint8_t>(devfn))) text += describe_function(devfn, *f);
    return text;
}

}  // namespace ringfold
