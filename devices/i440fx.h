// The 82441FX host bridge: who answers between 0xC0000 and 0xFFFFF, and otherwise registers that firmware looks at
// (Intel 440FX data sheet, 290549).
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "devices/pci_device.h"

namespace ringfold {

// A piece of memory below 1 MiB whose writes PAM registers govern.
struct ShadowSegment {
    unsigned number;  // 0 to kCount - 1
    GuestPhys base;
    uint32_t length;
    bool writable;

    static constexpr unsigned kCount = 13;
};

// What lies there is always shadow RAM, which holds the firmware's ROM from the start, so reads need no switch: a guest
// sees the difference only if it writes to RAM that it has told the bridge not to read.
class I440fx final : public PciDevice {
public:
    using ShadowListener = std::function<void(const ShadowSegment&)>;

    // `changed` hears of each segment whose writes go elsewhere now; at first they vanish everywhere.
    explicit I440fx(ShadowListener changed);

    // What firmware leaves behind on a board that has none: all of it is RAM.
    void open_shadow_ram();

    ShadowSegment segment(unsigned number) const;

    void restore(const PciState& s) {
        restore_pci(s);
        tell();
    }

private:
    void config_changed(uint8_t offset, unsigned size) override;
    void tell();

    ShadowListener changed_;
    uint16_t told_ = 0;  // a bit per segment: writable, as the listener knows it
};

}  // namespace ringfold
