// What an i440FX board adds to the bare machine: PCI, the chipset's functions on it, ACPI, the firmware's ROM and its
// way to ask about the machine. Where PCI cards go is decided here.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <vector>

#include "devices/apic/isa_interrupts.h"
#include "devices/bus.h"
#include "devices/fw_cfg.h"
#include "devices/i440fx.h"
#include "devices/pci_bus.h"
#include "devices/pci_config_ports.h"
#include "devices/piix3.h"
#include "devices/piix4_pm.h"
#include "devices/reset_control.h"
#include "devices/rom.h"
#include "devices/vga_card.h"
#include "shadowmmu/ram.h"
#include "tracing/memory_trace.h"
#include "vmm/smbios/tables.h"
#include "vmm/snapshot/state_parts.h"

namespace ringfold {

class Chipset {
public:
    // What the board sits on; all of it outlives the chipset.
    struct Board {
        Bus& bus;
        MemoryTracer& tracer;
        IsaInterrupts& irqs;
        const Clock& clock;
        ResetControl& reset_control;
    };
    // `rom` is mapped to end at 4 GiB; empty: there is no firmware, and what it would have set up is.
    Chipset(const Board&, std::span<const uint8_t> rom, std::function<void()> power_off);

    // What is left of firmware's work where there is none: MP, ACPI and SMBIOS tables in memory below 1 MiB, the ports that these
    // name, and where PCI's interrupt wires lead. An operating system gives PCI devices their addresses itself.
    void stand_in_for_firmware(Ram&, bool acpi, bool hpet, SmbiosTables smbios);

    // Slots: 0 the host bridge, 1 the PIIX (functions 0, 1 for IDE, 3), 2 the display, 3 and up for others.
    PciBus& pci() { return pci_; }
    // Puts in a VGA card with this BIOS.
    void add_vga(VideoMemory&, std::vector<uint8_t> bios);
    Vga* vga() { return vga_ ? &*vga_ : nullptr; }
    // The functions, then the bus, then what its interrupt wires lead to.
    void list_parts(StateParts&);
    Piix4Pm& power_management() { return power_management_; }

private:
    void guard(const ShadowSegment&);

    Board board_;
    PciBus pci_;
    std::array<Trace, ShadowSegment::kCount> read_only_;
    I440fx host_bridge_;
    Piix3 isa_bridge_;
    Piix4Pm power_management_;
    PciConfigPorts config_ports_;
    Rom rom_;
    std::optional<Vga> vga_;
    std::optional<VgaCard> vga_card_;
};

// What the machine tells to whoever asks by fw_cfg, with firmware or without.
struct MachineFacts {
    uint64_t ram_bytes = 0;
    bool serial_console = false;  // firmware speaks on the serial port
    bool boot_menu = false;
    std::optional<uint16_t> boot_menu_wait, reboot_timeout;  // milliseconds; empty: see PcOptions
    SmbiosTables smbios;     // without an anchor there are none
    std::string boot_paths;  // "bootorder": devices in the order in which they are tried first
    bool acpi = false;
    bool hpet = false;
};
void describe_machine(FwCfg&, const MachineFacts&);

}  // namespace ringfold
