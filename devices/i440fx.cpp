// The 82441FX host bridge.
#include "devices/i440fx.h"

namespace ringfold {

namespace {

constexpr uint8_t kPam = 0x59, kPamEnd = 0x60, kSmram = 0x72;
constexpr uint8_t kWriteEnable = 2;
constexpr uint32_t kSegmentBytes = 0x4000, kBiosBytes = 0x10000;

}  // namespace

// By the subsystem, which is the usual one, SeaBIOS knows that the board is one of QEMU's kind, with fw_cfg on it.
I440fx::I440fx(ShadowListener changed)
    : PciDevice({.vendor = 0x8086,
                 .device = 0x1237,
                 .class_code = 0x060000,
                 .revision = 2}),
      changed_(std::move(changed)) {
    define(kCommand, 2, kMemoryEnable | kBusMaster);  // fixed: the bridge always forwards
    define(kPam, 1, 0, 0xf0);                         // PAM0 has a segment in its upper half only
    for (uint8_t r = kPam + 1; r < kPamEnd; ++r) define(r, 1, 0, 0xff);
    define(kSmram, 1, 0x02, 0x78);
}

// Segment 0 is the 64 KiB below 1 MiB; 1 to 12 are 16 KiB each from 0xC0000 on, two to a register.
ShadowSegment I440fx::segment(unsigned number) const {
    if (number == 0) return {0, GuestPhys(0xf0000), kBiosBytes, (config(kPam, 1) >> 4 & kWriteEnable) != 0};
    const unsigned index = number - 1;
    const uint32_t pam = config(static_cast<uint8_t>(kPam + 1 + index / 2), 1) >> (index % 2 ? 4 : 0);
    return {number, GuestPhys(0xc0000 + index * kSegmentBytes), kSegmentBytes, (pam & kWriteEnable) != 0};
}

void I440fx::open_shadow_ram() {
    set_config(kPam, 1, 0x30);
    for (uint8_t r = kPam + 1; r < kPamEnd; ++r) set_config(r, 1, 0x33);
    tell();
}

void I440fx::config_changed(uint8_t offset, unsigned size) {
    if (offset < kPamEnd && offset + size > kPam) tell();
}

void I440fx::tell() {
    for (unsigned n = 0; n < ShadowSegment::kCount; ++n) {
        const ShadowSegment s = segment(n);
        if (s.writable == (told_ >> n & 1)) continue;
        told_ = static_cast<uint16_t>(told_ ^ 1u << n);
        if (changed_) changed_(s);
    }
}

}  // namespace ringfold
