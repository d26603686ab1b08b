// PCI bus 0: configuration cycles, base address registers, and the interrupt wires.
#include "devices/pci_bus.h"

#include <fmt/format.h>

#include "vmm/base/log.h"
#include "vmm/base/result.h"

namespace ringfold {

namespace {

PortRange ports(const PciBar& bar, uint32_t at) {
    return {static_cast<uint16_t>(at), bar.size, bar.first_register, bar.width};
}
MmioRange memory(const PciBar& bar, uint32_t at) {
    return {GuestPhys(at), bar.size, bar.width, bar.first_register};
}

// How the pins of neighbouring slots are swizzled on an i440FX board as QEMU and SeaBIOS know it: INTA# of device 1
// is PIRQA#.
unsigned wire_of(unsigned devfn, unsigned pin) {
    return ((devfn >> 3) + pin - 2) & 3;
}

}  // namespace

void PciBus::add(PciSlot slot, PciDevice& function) {
    const uint8_t devfn = slot.devfn();
    if (slot.device > 31 || slot.function > 7 || functions_[devfn])
        throw HostError(fmt::format("PCI slot {:02x}.{}: not a free slot", slot.device, slot.function));
    functions_[devfn] = &function;
    for (const PciBar& bar : function.bars()) windows_.push_back({&function, bar, std::nullopt});
    function.connect_interrupt(IrqLine(*this, devfn));
    remap();
}

PciDevice* PciBus::function(uint32_t address) const {
    const unsigned bus = address >> 16 & 0xff;
    return bus == 0 ? functions_[address >> 8 & 0xff] : nullptr;
}

uint32_t PciBus::config_read(uint32_t address, unsigned size) const {
    const PciDevice* f = function(address);
    return f ? f->config_read(static_cast<uint8_t>(address), size) : 0xffffffff;
}

void PciBus::config_write(uint32_t address, unsigned size, uint32_t value) {
    PciDevice* f = function(address);
    if (!f) return;
    f->config_write(static_cast<uint8_t>(address), size, value);
    remap();
}

void PciBus::reset() {
    for (PciDevice* f : functions_)
        if (f) f->reset_config();
    remap();
}

void PciBus::unmap(Window& w) {
    if (w.bar.space == PciBar::Space::Io)
        bus_.release_ports(static_cast<uint16_t>(*w.at));
    else
        bus_.release_memory(GuestPhys(*w.at));
    w.at.reset();
}

void PciBus::map(Window& w, uint32_t at) {
    const bool io = w.bar.space == PciBar::Space::Io;
    if (io ? !bus_.vacant(ports(w.bar, at)) : !bus_.vacant(memory(w.bar, at))) {
        log::print(log::GuestErrors, "PCI: a base address of {:#x}, {:#x} bytes, meets another device's\n", at,
                   w.bar.size);
        return;
    }
    if (io)
        bus_.claim(ports(w.bar, at), *w.bar.registers);
    else
        bus_.claim(memory(w.bar, at), *w.bar.registers);
    w.at = at;
}

void PciBus::remap() {
    for (Window& w : windows_)
        if (w.at && w.function->decoded(w.bar) != w.at) unmap(w);
    for (Window& w : windows_) {
        if (w.at) continue;
        if (const auto at = w.function->decoded(w.bar)) map(w, *at);
    }
}

void PciBus::set_irq(unsigned devfn, bool level) {
    if (asserted_[devfn] == level) return;
    const uint32_t pin = functions_[devfn]->config_read(0x3d, 1);
    if (pin == 0) return;
    asserted_[devfn] = level;
    const unsigned wire = wire_of(devfn, pin);
    asserting_[wire] = static_cast<uint16_t>(asserting_[wire] + (level ? 1 : -1));
    if (router_) router_->set_irq(wire, asserting_[wire] != 0);
}

void PciBus::restore(const State& s) {
    asserted_.fill(false);
    asserting_.fill(0);
    for (unsigned devfn = 0; devfn < s.asserted.size(); ++devfn) {
        if (!s.asserted[devfn] || !functions_[devfn]) continue;
        const uint32_t pin = functions_[devfn]->config_read(0x3d, 1);
        if (pin == 0) continue;
        asserted_[devfn] = true;
        ++asserting_[wire_of(devfn, pin)];
    }
    remap();
}

}  // namespace ringfold
