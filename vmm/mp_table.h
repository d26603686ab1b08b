// The table by which an operating system without ACPI finds the APICs (Intel MultiProcessor Specification 1.4, chapter 4).
// Firmware makes its own; this is for where there is none.
#pragma once

#include <cstdint>
#include <vector>

namespace ringfold {

struct MpTable {
    std::vector<uint8_t> floating_pointer, configuration;
};

// `configuration_at`: where the second will lie. `pirq`: the IRQs, which are the I/O APIC's pins, that PIRQA# to PIRQD# of
// the PIIX lead to.
MpTable make_mp_table(uint32_t configuration_at, const uint8_t (&pirq)[4]);

}  // namespace ringfold
