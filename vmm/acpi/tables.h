// The ACPI tables of the machine, in the form in which firmware takes them from fw_cfg: blobs, and a script that says
// where to put them and which pointers and checksums to fill in (ACPI 3.0, chapter 5; QEMU's bios-linker-loader).
#pragma once

#include <cstdint>

#include "devices/fw_cfg.h"

namespace ringfold {

// Where SeaBIOS puts the power management registers of a PIIX4 (devices/piix4_pm.cpp), and where the tables say they
// are.
inline constexpr uint16_t kAcpiPorts = 0x600;

// Where the APICs are, and the number of the I/O APIC beside that of the CPU's own, 0.
inline constexpr uint32_t kLocalApicAddress = 0xfee00000, kIoApicAddress = 0xfec00000;
inline constexpr uint8_t kIoApicId = 0;

struct AcpiTables {
    FwCfg::Bytes tables;  // file etc/acpi/tables: FACS, DSDT, FADT, MADT, HPET, RSDT
    FwCfg::Bytes rsdp;    // file etc/acpi/rsdp
    FwCfg::Bytes loader;  // file etc/table-loader
};

// `pci_memory`: the first address that firmware gives to PCI devices. `hpet`: there is one.
AcpiTables make_acpi_tables(uint32_t pci_memory, bool hpet);

// Carries out the script for tables that come to lie at these addresses: `tables` and `rsdp` are then as firmware
// leaves them.
void link_tables(AcpiTables&, uint32_t tables_at, uint32_t rsdp_at);

// Where SeaBIOS begins to place them, which depends on the size of RAM alone.
uint32_t pci_memory_base(uint64_t ram_bytes);

}  // namespace ringfold
