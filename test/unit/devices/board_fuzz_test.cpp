// Random guests against the i440FX board: configuration cycles that move everything anywhere, and accesses wherever it
// has gone. No device breaks, the bus stays whole, and each goes on the same from its saved state.
#include <random>

#include <catch2/catch.hpp>

#include "devices/fw_cfg.h"
#include "devices/i440fx.h"
#include "devices/pci_bus.h"
#include "devices/pci_config_ports.h"
#include "devices/pic.h"
#include "devices/piix3.h"
#include "devices/piix4_pm.h"
#include "devices/vga_card.h"
#include "test/unit/devices/support.h"

using namespace ringfold;

namespace {

class NoMemory final : public PhysicalMemory {
public:
    bool dma_read(GuestPhys from, std::span<uint8_t> to) override {
        for (size_t n = 0; n < to.size(); ++n) to[n] = static_cast<uint8_t>((from.value + n) * 41);
        return from.value % 3 != 0;
    }
    bool dma_write(GuestPhys to, std::span<const uint8_t>) override { return to.value % 5 != 0; }
};

struct Board {
    explicit Board(ManualClock& c) : clock(c) {
        pci.connect_interrupts(&isa);
        pci.add({0, 0}, host);
        pci.add({1, 0}, isa);
        pci.add({1, 3}, pm);
        pci.add({2, 0}, card);
        bus.claim(PortRange{.base = 0xcf8, .length = 8, .width = Width::Dword}, config);
        bus.claim(PortRange{.base = 0xb2, .length = 2}, pm.smi_ports());
        bus.claim(PortRange{.base = 0x510, .length = 2, .width = Width::Word}, fw_cfg);
        bus.claim(PortRange{.base = 0x514, .length = 8, .first_register = 4, .width = Width::Dword}, fw_cfg);
        bus.claim(PortRange{.base = 0x1ce, .length = 3, .width = Width::Word}, vga.vbe_ports());
        bus.claim(PortRange{.base = 0x3c0, .length = 16, .first_register = 0x10}, vga.ports());
        bus.claim(MmioRange{.base = GuestPhys(0xa0000), .length = 0x20000}, vga.window());
        fw_cfg.add_file("etc/some", {1, 2, 3, 4, 5, 6, 7});
    }
    // What the four functions hold but for the display's memory.
    void copy_state_of(const Board& other) {
        isa.restore(other.isa.state());
        pm.restore(other.pm.state());
        host.restore(other.host.pci_state());
        card.restore_pci(other.card.pci_state());
        config.restore(other.config.state());
        fw_cfg.restore(other.fw_cfg.state());
        pci.remap();
    }

    ManualClock& clock;
    Bus bus;
    Pic pic;
    PciBus pci{bus};
    NoMemory memory;
    unsigned protected_segments = 0, switched_off = 0;
    I440fx host{[this](const ShadowSegment& s) { protected_segments ^= 1u << s.number; }};
    Piix3 isa{pic};
    Piix4Pm pm{clock, pic.line(9), [this] { ++switched_off; }};
    std::vector<uint8_t> vga_bytes = std::vector<uint8_t>(Vga::kMemoryBytes + kVgaTextBytes);
    VideoMemory vga_memory{vga_bytes};
    Vga vga{clock, vga_memory};
    VgaCard card{vga, std::vector<uint8_t>(0x9000, 0x55)};
    ResetControl reset_control{{}};
    PciConfigPorts config{pci, reset_control};
    FwCfg fw_cfg{memory};
};

constexpr uint16_t kPorts[] = {0xcf8, 0xcf9, 0xcfc, 0xcfd, 0xcfe, 0xcff, 0xb2,  0xb3,  0x510, 0x511,
                               0x514, 0x518, 0x1ce, 0x1cf, 0x1d0, 0x3c0, 0x3c4, 0x3c5, 0x3ce, 0x3cf,
                               0x3da, 0x600, 0x602, 0x604, 0x608, 0x60c, 0x63f, 0xfffe};
constexpr uint8_t kFunctions[] = {0x00, 0x08, 0x0b, 0x10, 0x11};
constexpr uint8_t kRegisters[] = {0x00, 0x04, 0x10, 0x14, 0x30, 0x3c, 0x40, 0x58, 0x5c, 0x60, 0x70, 0x80};
// Addresses where something is likely to be, or to collide.
constexpr uint32_t kPlaces[] = {0x601,      0xcf1,      0x3c1,      0xfffffff1, 0xffffffff, 0x000a0000,
                                0xfd000000, 0xff000001, 0x80000000, 0x00000000, 0xfffc0001};

uint64_t event(Board& b, uint32_t r, uint32_t value) {
    const uint16_t port = kPorts[(r >> 8) % std::size(kPorts)];
    const unsigned size = 1u << (r >> 16) % 3;
    const GuestPhys address((kPlaces[(r >> 8) % std::size(kPlaces)] & ~0xfffu) + value % 0x3000);
    switch (r % 16) {
        case 0:
        case 1:
        case 2:
            b.bus.out(0xcf8, 4,
                      0x80000000u | kFunctions[(r >> 8) % std::size(kFunctions)] << 8 |
                          kRegisters[(r >> 16) % std::size(kRegisters)]);
            break;
        case 3:
        case 4:
            b.bus.out(0xcfc, 4, kPlaces[value % std::size(kPlaces)]);
            break;
        case 5:
            b.bus.out(static_cast<uint16_t>(0xcfc + (r >> 8) % 4), size, value);
            break;
        case 6:
            b.bus.write(address, size, value);
            break;
        case 7:
            return b.bus.read(address, size);
        case 8:
            b.card.interrupt().set(value & 1);
            b.isa.set_irq(value >> 1 & 3, value & 8);
            break;
        case 9:
            b.pm.press_power_button();
            break;
        case 10:
        case 11:
            return b.bus.in(port, size);
        default:
            // A transfer of gigabytes from nowhere to nowhere takes its time.
            if (port != 0x518) b.bus.out(port, size, value);
    }
    return 0;
}

}  // namespace

TEST_CASE("random guests against the i440FX board") {
    const unsigned seed = GENERATE(range(1u, 9u));
    CAPTURE(seed);
    std::mt19937 random(seed);
    ManualClock clock;
    Board board(clock), copy(clock);
    for (int round = 0; round < 60; ++round) {
        for (int i = 0; i < 200; ++i) {
            event(board, random(), random());
            clock.step(static_cast<Nanoseconds>(random() % 1000) << random() % 30);
            board.pm.advance(clock.now());
            const auto next = board.pm.next_deadline();
            REQUIRE((!next || *next > clock.now()));
        }
        for (unsigned n = 0; n < ShadowSegment::kCount; ++n)
            REQUIRE(board.host.segment(n).writable == (board.protected_segments >> n & 1));
        // The same configuration, read back by both; which of two ranges that meet came first is not state.
        copy.copy_state_of(board);
        REQUIRE(copy.protected_segments == board.protected_segments);
        REQUIRE(copy.config.state().address == board.config.state().address);
        for (const uint8_t function : kFunctions)
            for (unsigned r = 0; r < 256; r += 4)
                REQUIRE(copy.pci.config_read(uint32_t{function} << 8 | r, 4) ==
                        board.pci.config_read(uint32_t{function} << 8 | r, 4));
        REQUIRE(copy.pm.next_deadline() == board.pm.next_deadline());
        board.vga.text_screen();
    }
}
