// The machine's description of itself for dmidecode and the like (DMTF, System Management BIOS Reference Specification
// 2.8, DSP0134), in the two blobs in which firmware takes it from fw_cfg.
#pragma once

#include "devices/fw_cfg.h"
#include "vmm/smbios/smbios_options.h"

namespace ringfold {

struct SmbiosTables {
    FwCfg::Bytes anchor;  // file etc/smbios/smbios-anchor: the entry point, whose address of the tables is 0
    FwCfg::Bytes tables;  // file etc/smbios/smbios-tables
};

// Type 0, the firmware itself, is left to firmware unless the options speak of it.
SmbiosTables make_smbios_tables(const SmbiosOptions&, uint64_t ram_bytes);

// Puts the address into the anchor, and its sums right.
void link_smbios(SmbiosTables&, uint32_t tables_at);

}  // namespace ringfold
