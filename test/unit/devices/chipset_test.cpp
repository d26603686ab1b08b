// The i440FX board's own functions: shadow RAM, interrupt routing, power management, and fw_cfg.
#include <cstring>

#include <catch2/catch.hpp>

#include "devices/fw_cfg.h"
#include "devices/i440fx.h"
#include "devices/pci_bus.h"
#include "devices/piix3.h"
#include "devices/piix4_pm.h"
#include "devices/rom.h"
#include "test/unit/devices/support.h"
#include "vmm/base/result.h"

using namespace ringfold;

// --- host bridge ----------------------------------------------------------------------------------------------

TEST_CASE("PAM registers say where writes below 1 MiB go") {
    std::vector<ShadowSegment> heard;
    I440fx bridge([&](const ShadowSegment& s) { heard.push_back(s); });
    for (unsigned n = 0; n < ShadowSegment::kCount; ++n) CHECK_FALSE(bridge.segment(n).writable);

    bridge.config_write(0x59, 1, 0x30);
    REQUIRE(heard.size() == 1);
    CHECK(heard[0].base == GuestPhys(0xf0000));
    CHECK(heard[0].length == 0x10000);
    CHECK(heard[0].writable);

    heard.clear();
    bridge.config_write(0x5a, 2, 0x1033);  // both halves of PAM1; PAM2 reads RAM only
    REQUIRE(heard.size() == 2);
    CHECK(heard[0].base == GuestPhys(0xc0000));
    CHECK(heard[1].base == GuestPhys(0xc4000));
    CHECK(heard[1].length == 0x4000);

    heard.clear();
    bridge.config_write(0x5f, 1, 0x20);
    REQUIRE(heard.size() == 1);
    CHECK(heard[0].base == GuestPhys(0xec000));
    bridge.config_write(0x5c, 4, 0x20222222);
    CHECK(heard.size() == 7);
    bridge.config_write(0x59, 1, 0x10);
    CHECK_FALSE(heard.back().writable);
}

TEST_CASE("without firmware all shadow RAM is open") {
    unsigned opened = 0;
    I440fx bridge([&](const ShadowSegment& s) { opened += s.writable; });
    bridge.open_shadow_ram();
    CHECK(opened == ShadowSegment::kCount);
    CHECK(bridge.config_read(0x58, 4) == 0x33333000);
    CHECK(bridge.config_read(0x5c, 4) == 0x33333333);
}

// --- ISA bridge -----------------------------------------------------------------------------------------------

TEST_CASE("PCI's wires lead to the IRQs that the routing registers name") {
    WatchedLines irqs;
    Piix3 bridge(irqs);
    bridge.set_irq(0, true);
    for (unsigned n = 0; n < 16; ++n) CHECK_FALSE(irqs.level(n));
    bridge.config_write(0x60, 1, 11);
    CHECK(irqs.level(11));
    bridge.config_write(0x61, 1, 11);
    bridge.set_irq(1, true);
    bridge.set_irq(0, false);
    CHECK(irqs.level(11));
    bridge.config_write(0x61, 1, 10);
    CHECK_FALSE(irqs.level(11));
    CHECK(irqs.level(10));
    bridge.config_write(0x61, 1, 0x8a);
    CHECK_FALSE(irqs.level(10));
}

TEST_CASE("IRQs that belong to the board cannot be chosen") {
    WatchedLines irqs;
    Piix3 bridge(irqs);
    bridge.set_irq(2, true);
    for (const uint32_t irq : {0u, 1u, 2u, 8u, 13u}) {
        bridge.config_write(0x62, 1, irq);
        CHECK_FALSE(irqs.level(irq));
    }
    bridge.config_write(0x62, 1, 15);
    CHECK(irqs.level(15));
}

// --- power management -----------------------------------------------------------------------------------------

namespace {

struct Pm {
    Pm() {
        pci.add({1, 3}, pm);
        bus.claim(PortRange{.base = 0xb2, .length = 2}, pm.smi_ports());
        pm.config_write(0x40, 4, 0x601);
        pm.config_write(0x80, 1, 1);
        pci.remap();
    }
    ManualClock clock{kSecond};
    WatchedLines irqs;
    bool off = false;
    Bus bus;
    PciBus pci{bus};
    Piix4Pm pm{clock, IrqLine(irqs, 9), [this] { off = true; }};
};

}  // namespace

TEST_CASE("the ACPI timer counts at 3.58 MHz in 24 bits, where PMBASE puts it") {
    Pm b;
    const uint32_t before = b.bus.in(0x608, 4);
    b.clock.step(kSecond);
    CHECK(((b.bus.in(0x608, 4) - before) & 0xffffff) == 3'579'545);
    b.clock.step(10 * kSecond);
    CHECK(b.bus.in(0x608, 4) <= 0xffffff);
    b.pm.config_write(0x40, 4, 0xb001);
    b.pci.remap();
    CHECK(b.bus.in(0x608, 4) == 0xffffffff);
    CHECK(b.bus.in(0xb008, 4) != 0xffffffff);
    b.pm.config_write(0x80, 1, 0);
    b.pci.remap();
    CHECK(b.bus.in(0xb008, 4) == 0xffffffff);
}

TEST_CASE("the timer's overflow can interrupt, once") {
    Pm b;
    b.bus.out(0xb2, 1, 0xf1);
    CHECK((b.bus.in(0x604, 2) & 1) == 1);
    b.bus.out(0x602, 2, 1);
    b.bus.out(0x600, 2, 0xffff);
    const auto deadline = b.pm.next_deadline();
    REQUIRE(deadline);
    b.clock.step(*deadline - b.clock.now() - 1);
    b.pm.advance(b.clock.now());
    CHECK_FALSE(b.irqs.level(9));
    b.clock.step(1);
    b.pm.advance(b.clock.now());
    CHECK(b.irqs.level(9));
    CHECK_FALSE(b.pm.next_deadline());
    b.bus.out(0x600, 2, 1);
    CHECK_FALSE(b.irqs.level(9));
    CHECK(b.pm.next_deadline());
}

TEST_CASE("the power button is an event, heard while ACPI is on") {
    Pm b;
    b.bus.out(0x602, 2, 0x100);
    b.pm.press_power_button();
    CHECK_FALSE(b.irqs.level(9));
    b.bus.out(0xb2, 1, 0xf1);
    CHECK(b.irqs.level(9));
    CHECK(b.bus.in(0x601, 1) == 1);
    b.bus.out(0x601, 1, 1);
    CHECK_FALSE(b.irqs.level(9));
    b.bus.out(0xb2, 1, 0xf0);
    CHECK((b.bus.in(0x604, 2) & 1) == 0);
}

TEST_CASE("soft off switches off, other sleep types do nothing") {
    Pm b;
    b.bus.out(0x604, 2, 0x2400);
    CHECK_FALSE(b.off);
    b.bus.out(0x604, 2, 0x2001);
    CHECK(b.off);
}

TEST_CASE("both halves of a 32-bit access reach their registers") {
    Pm b;
    b.pm.press_power_button();
    b.bus.out(0x600, 4, 0x01200100);
    CHECK(b.bus.in(0x600, 4) == 0x01200000);
    b.bus.out(0x603, 1, 0x04);
    CHECK(b.bus.in(0x602, 2) == 0x0420);
}

// --- fw_cfg ---------------------------------------------------------------------------------------------------

namespace {

class FakeMemory final : public PhysicalMemory {
public:
    bool dma_read(GuestPhys from, std::span<uint8_t> to) override {
        if (!holds(from, to.size())) return false;
        memcpy(to.data(), &bytes[from.value], to.size());
        return true;
    }
    bool dma_write(GuestPhys to, std::span<const uint8_t> from) override {
        if (!holds(to, from.size())) return false;
        memcpy(&bytes[to.value], from.data(), from.size());
        return true;
    }
    std::vector<uint8_t> bytes = std::vector<uint8_t>(0x10000, 0xee);

private:
    bool holds(GuestPhys at, size_t n) const { return at.value <= bytes.size() && n <= bytes.size() - at.value; }
};

struct Config {
    Config() {
        bus.claim(PortRange{.base = 0x510, .length = 2, .width = Width::Word}, fw_cfg);
        bus.claim(PortRange{.base = 0x514, .length = 8, .first_register = 4, .width = Width::Dword}, fw_cfg);
    }
    std::string read(uint16_t key, size_t n) {
        bus.out(0x510, 2, key);
        std::string s;
        while (n-- > 0) s += static_cast<char>(bus.in(0x511, 1));
        return s;
    }
    void put_big(size_t at, uint64_t value, unsigned size) {
        for (unsigned n = 0; n < size; ++n) memory.bytes[at + n] = static_cast<uint8_t>(value >> 8 * (size - 1 - n));
    }
    uint32_t dma(uint32_t control, uint32_t length, uint64_t to, uint32_t command = 0x1000) {
        put_big(command, control, 4);
        put_big(command + 4, length, 4);
        put_big(command + 8, to, 8);
        bus.out(0x514, 4, 0);
        bus.out(0x518, 4, __builtin_bswap32(command));
        uint32_t answer;
        memcpy(&answer, &memory.bytes[command], 4);
        return __builtin_bswap32(answer);
    }
    FakeMemory memory;
    Bus bus;
    FwCfg fw_cfg{memory};
};

}  // namespace

TEST_CASE("fw_cfg shows its signature and its items, and zeros behind them") {
    Config c;
    CHECK(c.read(0, 4) == "QEMU");
    CHECK(c.read(0, 6) == std::string("QEMU\0\0", 6));
    CHECK(c.read(1, 4) == std::string("\3\0\0\0", 4));
    CHECK(c.read(0x1234, 2) == std::string(2, '\0'));
    c.fw_cfg.add_u16(FwCfg::kCpuCount, 0x0102);
    CHECK(c.read(5, 2) == "\2\1");
}

TEST_CASE("files are found through the directory, in the order of their names") {
    Config c;
    c.fw_cfg.add_file("etc/zebra", {'z'});
    c.fw_cfg.add_file("bootorder", {'a', 'b', 'c'});
    const std::string directory = c.read(0x19, 4 + 2 * 64);
    CHECK(directory.substr(0, 4) == std::string("\0\0\0\2", 4));
    CHECK(directory.substr(4, 4) == std::string("\0\0\0\3", 4));
    CHECK(directory.substr(12, 10) == std::string("bootorder\0", 10));
    CHECK(directory.substr(76, 9) == "etc/zebra");
    const uint16_t key =
        static_cast<uint16_t>(static_cast<uint8_t>(directory[8]) << 8 | static_cast<uint8_t>(directory[9]));
    CHECK(c.read(key, 3) == "abc");
    CHECK_THROWS_AS(c.fw_cfg.add_file("bootorder", {}), HostError);
    CHECK_THROWS_AS(c.fw_cfg.add_file(std::string(56, 'x'), {}), HostError);
}

TEST_CASE("DMA reads, skips and selects") {
    Config c;
    CHECK(c.bus.in(0x514, 4) == 0x554d4551);
    CHECK(c.bus.in(0x518, 4) == 0x47464320);
    c.fw_cfg.add_file("f", {'0', '1', '2', '3', '4'});
    CHECK(c.dma(0x20u << 16 | 8 | 4, 1, 0) == 0);
    CHECK(c.dma(2, 3, 0x2000) == 0);
    CHECK(memcmp(&c.memory.bytes[0x2000], "123\xee", 4) == 0);
    CHECK(c.dma(2, 3, 0x2000) == 0);
    CHECK(memcmp(&c.memory.bytes[0x2000], "4\0\0\xee", 4) == 0);
}

TEST_CASE("DMA at memory that is not there, writes, and endless skips") {
    Config c;
    CHECK(c.dma(8 | 2, 0x20000, 0) == 1);
    CHECK(c.dma(8 | 2, 4, ~uint64_t{0} - 1) == 1);
    CHECK(c.dma(8 | 16, 4, 0x2000) == 1);
    CHECK(c.dma(8 | 4, 0xffffffff, 0) == 0);
    c.bus.out(0x518, 4, 0xffffffff);  // the command itself is nowhere
    c.bus.out(0x518, 2, 0);
}

TEST_CASE("ROM reads as its contents and then as ones, and cannot be written") {
    Rom rom({1, 2, 3, 4, 5});
    rom.write(0, 4, 0);
    CHECK(rom.read(0, 4) == 0x04030201);
    CHECK(rom.read(3, 4) == 0xffff0504);
}
