// PCI: configuration mechanism 1, what a guest can change, base address registers on the bus, interrupt wires.
#include <catch2/catch.hpp>

#include "devices/pci_bus.h"
#include "devices/pci_config_ports.h"
#include "test/unit/devices/support.h"
#include "vmm/base/result.h"

using namespace ringfold;

namespace {

// Tells its offset, plus a number of its own.
class Registers final : public Device {
public:
    explicit Registers(uint32_t tag) : tag_(tag) {}
    uint32_t read(uint32_t offset, unsigned) override { return tag_ + offset; }
    void write(uint32_t offset, unsigned, uint32_t value) override { last = offset << 16 | value; }
    void reset() override {}
    uint32_t last = 0;

private:
    uint32_t tag_;
};

class Card final : public PciDevice {
public:
    explicit Card(uint8_t pin = 0)
        : PciDevice({.vendor = 0x1234, .device = 0x5678, .class_code = 0x030201, .revision = 7, .interrupt_pin = pin}) {
        add_bar({.space = PciBar::Space::Io, .index = 0, .size = 16, .registers = &ports});
        add_bar({.space = PciBar::Space::Prefetchable, .index = 1, .size = 0x10000, .registers = &memory});
        add_bar({.space = PciBar::Space::Rom, .size = 0x800, .registers = &rom});
        define(0x40, 4, 0x11223344, 0x00ffff00);
    }
    using PciDevice::add_bar;
    Registers ports{0x10}, memory{0x20}, rom{0x30};
    unsigned changes = 0;

private:
    void config_changed(uint8_t, unsigned) override { ++changes; }
};

struct Board {
    Board() { bus.claim(PortRange{.base = 0xcf8, .length = 8, .width = Width::Dword}, config); }
    void select(PciSlot slot, uint8_t reg) { bus.out(0xcf8, 4, 0x80000000u | slot.devfn() << 8 | (reg & 0xfc)); }
    uint32_t get(PciSlot slot, uint8_t reg, unsigned size = 4) {
        select(slot, reg);
        return bus.in(static_cast<uint16_t>(0xcfc + (reg & 3)), size);
    }
    void put(PciSlot slot, uint8_t reg, uint32_t value, unsigned size = 4) {
        select(slot, reg);
        bus.out(static_cast<uint16_t>(0xcfc + (reg & 3)), size, value);
    }

    Bus bus;
    PciBus pci{bus};
    bool reset_asked = false;
    ResetControl reset{[this] { reset_asked = true; }};
    PciConfigPorts config{pci, reset};
};

constexpr PciSlot kSlot{3, 0};

}  // namespace

TEST_CASE("configuration mechanism 1 reaches the function that it names, and nobody else") {
    Board b;
    Card card;
    b.pci.add(kSlot, card);
    CHECK(b.get(kSlot, 0) == 0x56781234);
    CHECK(b.get(kSlot, 2, 2) == 0x5678);
    CHECK(b.get(kSlot, 1, 2) == 0x7812);
    CHECK(b.get(kSlot, 3, 1) == 0x56);
    CHECK(b.get(kSlot, 8) == 0x03020107);
    CHECK(b.get({3, 1}, 0) == 0xffffffff);
    CHECK(b.get({4, 0}, 0, 2) == 0xffff);
    b.bus.out(0xcf8, 4, 0x80010000u | kSlot.devfn() << 8);  // bus 1
    CHECK(b.bus.in(0xcfc, 4) == 0xffffffff);
    b.bus.out(0xcf8, 4, kSlot.devfn() << 8);  // not enabled
    CHECK(b.bus.in(0xcfc, 4) == 0xffffffff);
}

TEST_CASE("the configuration address is a dword, and the reset register lies inside it") {
    Board b;
    b.bus.out(0xcf8, 4, 0xffffffff);
    CHECK(b.bus.in(0xcf8, 4) == 0x80fffffc);
    CHECK_FALSE(b.reset_asked);
    b.bus.out(0xcf8, 1, 0);
    b.bus.out(0xcfa, 2, 0);
    CHECK(b.bus.in(0xcf8, 4) == 0x80fffffc);
    b.bus.out(0xcf9, 1, 6);
    CHECK(b.reset_asked);
    CHECK(b.bus.in(0xcf9, 1) == 6);
}

TEST_CASE("a guest changes only the bits that it may, and reset takes them back") {
    Board b;
    Card card;
    b.pci.add(kSlot, card);
    b.put(kSlot, 0, 0);
    CHECK(b.get(kSlot, 0) == 0x56781234);
    CHECK(card.changes == 0);
    b.put(kSlot, 0x40, 0xaabbccdd);
    CHECK(b.get(kSlot, 0x40) == 0x11bbcc44);
    CHECK(card.changes == 1);
    b.put(kSlot, 0x42, 0x77, 1);
    CHECK(b.get(kSlot, 0x40) == 0x1177cc44);
    b.put(kSlot, 4, 0xffff, 2);
    CHECK(b.get(kSlot, 4, 2) == 7);
    CHECK(card.bus_master());
    b.pci.reset();
    CHECK(b.get(kSlot, 0x40) == 0x11223344);
    CHECK_FALSE(card.bus_master());
}

TEST_CASE("base address registers tell their size and kind") {
    Board b;
    Card card;
    b.pci.add(kSlot, card);
    for (const uint8_t reg : {0x10, 0x14, 0x18, 0x30}) b.put(kSlot, reg, 0xffffffff);
    CHECK(b.get(kSlot, 0x10) == 0xfffffff1);
    CHECK(b.get(kSlot, 0x14) == 0xffff0008);
    CHECK(b.get(kSlot, 0x18) == 0);
    CHECK(b.get(kSlot, 0x30) == 0xfffff801);
}

TEST_CASE("registers answer where the guest puts them, while it lets them") {
    Board b;
    Card card;
    b.pci.add(kSlot, card);
    b.put(kSlot, 0x10, 0xc000);
    b.put(kSlot, 0x14, 0xf0000000);
    b.put(kSlot, 0x30, 0xf1000001);
    CHECK(b.bus.in(0xc000, 4) == 0xffffffff);
    b.put(kSlot, 4, 1, 2);
    CHECK(b.bus.in(0xc004, 4) == 0x14);
    CHECK(b.bus.read(GuestPhys(0xf0000000), 4) == 0xffffffff);
    b.put(kSlot, 4, 3, 2);
    CHECK(b.bus.read(GuestPhys(0xf0000008), 4) == 0x28);
    CHECK(b.bus.read(GuestPhys(0xf1000000), 4) == 0x30);
    b.put(kSlot, 0x10, 0xd000);
    CHECK(b.bus.in(0xc004, 4) == 0xffffffff);
    b.bus.out(0xd00c, 2, 0xbeef);
    CHECK(card.ports.last == 0x000cbeef);
    b.put(kSlot, 0x30, 0xf1000000);
    CHECK(b.bus.read(GuestPhys(0xf1000000), 4) == 0xffffffff);
    b.put(kSlot, 4, 0, 2);
    CHECK(b.bus.in(0xd004, 4) == 0xffffffff);
}

TEST_CASE("a base address at nothing, at the top, or beyond the ports decodes nowhere") {
    Board b;
    Card card;
    b.pci.add(kSlot, card);
    b.put(kSlot, 4, 3, 2);
    for (const uint32_t at : {0u, 0xfffffff0u, 0x12340000u}) {
        b.put(kSlot, 0x10, at);
        CHECK(b.bus.vacant(PortRange{.base = 0, .length = 0xcf8}));
        CHECK(b.bus.vacant(PortRange{.base = 0xd00, .length = 0xf300}));
    }
    b.put(kSlot, 0x14, 0xffff0000);
    CHECK(b.bus.vacant(MmioRange{.base = GuestPhys(0), .length = 0xffffffff}));
}

TEST_CASE("of two that meet, the first stays and the second comes when it has gone") {
    Board b;
    Card card, other;
    b.pci.add(kSlot, card);
    b.pci.add({4, 0}, other);
    for (const PciSlot slot : {kSlot, PciSlot{4, 0}}) {
        b.put(slot, 4, 3, 2);
        b.put(slot, 0x10, 0xc000);
    }
    b.bus.out(0xc000, 1, 1);
    CHECK(card.ports.last == 1);
    CHECK(other.ports.last == 0);
    b.put(kSlot, 0x10, 0xcf0);  // meets the configuration ports themselves
    CHECK(b.get(kSlot, 0x10) == 0xcf1);
    b.bus.out(0xc000, 1, 2);
    CHECK(other.ports.last == 2);
}

TEST_CASE("interrupt pins are swizzled to four wires, and shared") {
    Board b;
    WatchedLines wires;
    Card one(1), two(1), three(2);
    b.pci.connect_interrupts(&wires);
    b.pci.add({1, 0}, one);
    b.pci.add({5, 0}, two);
    b.pci.add({6, 3}, three);
    one.interrupt().raise();
    one.interrupt().raise();
    CHECK(wires.level(0));
    two.interrupt().raise();
    one.interrupt().lower();
    CHECK(wires.level(0));
    two.interrupt().lower();
    CHECK_FALSE(wires.level(0));
    three.interrupt().raise();
    CHECK(wires.level(2));
}

TEST_CASE("what is no base address register is refused") {
    Card card;
    for (const uint32_t size : {0u, 2u, 24u, 512u})
        CHECK_THROWS_AS(card.add_bar({.space = PciBar::Space::Io, .index = 2, .size = size}), HostError);
    CHECK_THROWS_AS(card.add_bar({.index = 6, .size = 16}), HostError);
    Board b;
    b.pci.add(kSlot, card);
    CHECK_THROWS_AS(b.pci.add(kSlot, card), HostError);
    CHECK_THROWS_AS(b.pci.add({32, 0}, card), HostError);
}
