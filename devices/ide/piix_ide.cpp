// The IDE function's configuration space.
#include "devices/ide/piix_ide.h"

namespace ringfold {

namespace {

constexpr uint8_t kTiming = 0x40, kSlaveTiming = 0x44;
constexpr uint16_t kDecode = 0x8000;  // this channel's ports; firmware switches it on, and nothing here switches it off

}  // namespace

PiixIde::PiixIde(IdeController& controller) : PciDevice({.vendor = 0x8086, .device = 0x7010, .class_code = 0x010180}) {
    for (const uint8_t channel : {0, 1}) define(static_cast<uint8_t>(kTiming + 2 * channel), 2, kDecode, 0xffff);
    define(kSlaveTiming, 1, 0, 0xff);
    add_bar({.space = PciBar::Space::Io, .index = 4, .size = 16, .registers = &controller, .width = Width::Dword});
    controller.allow_dma_if([this] { return bus_master(); });
}

}  // namespace ringfold
