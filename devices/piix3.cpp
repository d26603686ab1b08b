// The ISA bridge of the PIIX3.
#include "devices/piix3.h"

namespace ringfold {

namespace {

constexpr uint8_t kIsaRecovery = 0x4c, kChipSelect = 0x4e, kRoute = 0x60, kTopOfMemory = 0x69;
constexpr uint8_t kRouteOff = 0x80, kRouteIrq = 0x0f;
constexpr uint16_t kRoutable = 0xdef8;  // not 0, 1, 2, 8 and 13

}  // namespace

Piix3::Piix3(IrqSink& pic)
    : PciDevice({.vendor = 0x8086, .device = 0x7000, .class_code = 0x060100, .multifunction = true}), pic_(pic) {
    define(kCommand, 2, kIoEnable | kMemoryEnable | kBusMaster);  // fixed
    define(kIsaRecovery, 1, 0x4d, 0x7f);
    define(kChipSelect, 2, 0x0003, 0x01ff);
    for (uint8_t n = 0; n < 4; ++n) define(kRoute + n, 1, kRouteOff, kRouteOff | kRouteIrq);
    define(kTopOfMemory, 1, 0x02, 0xfe);
}

unsigned Piix3::route(unsigned pirq) const {
    const uint32_t r = config(static_cast<uint8_t>(kRoute + pirq), 1);
    if (r & kRouteOff || !(kRoutable >> (r & kRouteIrq) & 1)) return kNoIrq;
    return r & kRouteIrq;
}

void Piix3::set_routes(const uint8_t (&irqs)[4]) {
    for (uint8_t n = 0; n < 4; ++n) set_config(kRoute + n, 1, irqs[n]);
    update();
}

void Piix3::set_irq(unsigned pirq, bool level) {
    pirq_[pirq & 3] = level;
    update();
}

void Piix3::config_changed(uint8_t offset, unsigned size) {
    if (offset < kRoute + 4 && offset + size > kRoute) update();
}

// Only inputs that change are touched: the others belong to whoever sits on the ISA bus.
void Piix3::update() {
    uint16_t wanted = 0;
    for (unsigned n = 0; n < 4; ++n)
        if (pirq_[n] && route(n) != kNoIrq) wanted = static_cast<uint16_t>(wanted | 1u << route(n));
    const unsigned changed = wanted ^ driven_;
    driven_ = wanted;
    for (unsigned irq = 0; irq < 16; ++irq)
        if (changed >> irq & 1) pic_.set_irq(irq, wanted >> irq & 1);
}

void Piix3::restore(const State& s) {
    restore_pci(s.pci);
    pirq_ = s.pirq;
    update();
}

}  // namespace ringfold
