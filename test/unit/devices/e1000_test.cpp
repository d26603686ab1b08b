// The 82540EM at register level: EEPROM, PHY, rings, filters, offloads, and what a hostile driver writes.
#include "devices/net/e1000.h"

#include <random>

#include <catch2/catch.hpp>

#include "devices/net/e1000_registers.h"
#include "devices/net/offload.h"
#include "devices/net/packet_fields.h"
#include "devices/pci_bus.h"
#include "test/unit/devices/fake_medium.h"
#include "test/unit/devices/net_support.h"
#include "test/unit/devices/support.h"
#include "vmm/net/checksum.h"

using namespace ringfold;
using namespace ringfold::e1000;

namespace {

constexpr uint32_t kBase = 0xf0000000, kTxRing = 0x1000, kRxRing = 0x2000, kEntries = 8, kData = 0x4000;

struct Fixture {
    Fixture() {
        pci.connect_interrupts(&lines);
        pci.add({3, 0}, card);
        config(0x10, kBase);
        config(0x04, 7);
    }
    void config(uint32_t at, uint32_t value) { pci.config_write(3 << 11 | at, 4, value); }
    uint32_t in(uint32_t r) { return static_cast<uint32_t>(bus.read(GuestPhys(kBase + r), 4)); }
    void out(uint32_t r, uint32_t value) { bus.write(GuestPhys(kBase + r), 4, value); }
    bool irq() const { return lines.level(2); }  // INTA# of slot 3 is PIRQC#

    void start_transmit() {
        out(kTdbal, kTxRing);
        out(kTdlen, kEntries * 16);
        out(kTctl, kTxEnable | kPadShort);
    }
    void describe(uint32_t ring, uint32_t n, uint64_t low, uint64_t high) {
        net::put_le(memory.bytes, ring + 16 * n, low, 8);
        net::put_le(memory.bytes, ring + 16 * n + 8, high, 8);
    }
    void start_receive(uint32_t more = 0) {
        for (uint32_t n = 0; n < kEntries; n++) describe(kRxRing, n, kData + n * 2048, 0);
        out(kRdbal, kRxRing);
        out(kRdlen, kEntries * 16);
        out(kRdt, kEntries - 1);
        out(kRctl, kRxEnable | kBroadcast | more);
    }
    void put(size_t at, const std::vector<uint8_t>& bytes) {
        std::copy(bytes.begin(), bytes.end(), memory.bytes.begin() + static_cast<long>(at));
    }

    FlatMemory memory{1 << 20};
    FakePort port;
    WatchedLines lines;
    Bus bus;
    E1000 card{port, memory, kTestMac};
    PciBus pci{bus};
};

uint64_t data_descriptor(uint32_t length, uint32_t command, uint32_t options) {
    return length | 1u << 20 | uint64_t{command | kExtended} << 24 | uint64_t{options} << 40;
}

}  // namespace

TEST_CASE("e1000: the EEPROM is read word by word and over three wires") {
    Fixture f;
    uint16_t sum = 0;
    for (uint32_t n = 0; n < 64; n++) {
        f.out(kEerd, n << 8 | kEerdStart);
        REQUIRE(f.in(kEerd)&kEerdDone);
        sum = static_cast<uint16_t>(sum + (f.in(kEerd) >> 16));
    }
    CHECK(sum == 0xbaba);
    f.out(kEecd, kRequest);
    CHECK(f.in(kEecd)&kGrant);
    f.out(kEecd, kRequest | kCs);
    const auto clock = [&](bool bit) {
        const uint32_t pins = kRequest | kCs | (bit ? kDi : 0);
        f.out(kEecd, pins);
        f.out(kEecd, pins | kSk);
        const bool out = f.in(kEecd)&kDo;
        f.out(kEecd, pins);
        return out;
    };
    for (const int bit : {1, 1, 0, 0, 0, 0, 0, 0, 1}) clock(bit);
    unsigned word = 0;
    for (int n = 0; n < 16; n++) word = word << 1 | clock(false);
    CHECK(word == 0x0100);  // bytes 2 and 3 of 52:54:00:01:02:03
}

TEST_CASE("e1000: the locks of later cards can be had") {
    Fixture f;
    f.out(kSwsm, 0xffffffff);
    CHECK(f.in(kSwsm) == 2);
    f.out(kSwFwSync, 1);
    CHECK(f.in(kSwFwSync) == 1);
    f.out(kSwsm, 0);
    CHECK(f.in(kSwsm) == 0);
}

TEST_CASE("e1000: the PHY answers at address 1 only") {
    Fixture f;
    f.out(kMdic, kMdicRead | 1 << 21 | 2 << 16);
    CHECK((f.in(kMdic) & (kMdicReady | kMdicError | 0xffff)) == (kMdicReady | 0x0141));
    f.out(kMdic, kMdicRead | 2 << 21 | 2 << 16);
    CHECK(f.in(kMdic)&kMdicError);
}

TEST_CASE("e1000: the link is up, also after a reset") {
    Fixture f;
    CHECK(f.in(kDeviceStatus) == (kFullDuplex | kLinkUp | kSpeed1000));
    f.out(kCtrl, kReset);
    CHECK(f.in(kDeviceStatus) & kLinkUp);
}

TEST_CASE("e1000: a frame of two buffers goes out once, with the descriptor done and an interrupt") {
    Fixture f;
    f.start_transmit();
    const auto frame = test_frame(kBroadcastMac, 200);
    f.put(kData, {frame.begin(), frame.begin() + 50});
    f.put(0x8000, {frame.begin() + 50, frame.end()});
    f.describe(kTxRing, 0, kData, 50);
    f.describe(kTxRing, 1, 0x8000, 150 | uint64_t{kEop | kReportStatus} << 24);
    f.out(kIms, kTxdw);
    f.out(kTdt, 2);
    REQUIRE(f.port.sent.size() == 1);
    CHECK(f.port.sent[0] == frame);
    CHECK(f.in(kTdh) == 2);
    CHECK(f.memory.bytes[kTxRing + 16 + 12] == kDescriptorDone);
    CHECK(f.irq());
    CHECK(f.in(kIcr)&kTxdw);
    CHECK_FALSE(f.irq());
    CHECK(f.in(kGptc) == 1);
    CHECK(f.in(kGptc) == 0);
}

TEST_CASE("e1000: a TCP segment is cut, numbered and summed") {
    Fixture f;
    f.start_transmit();
    // Ethernet, IPv4 and TCP headers, then 250 bytes in segments of 100.
    net::Frame packet = test_frame(kBroadcastMac, 14 + 20 + 20 + 250);
    packet[14] = 0x45;
    packet[14 + 9] = 6;
    net::put_be(packet, 14 + 4, 0x1234, 2);
    net::put_be(packet, 14 + 10, 0, 2);
    net::put_be(packet, 34 + 4, 1000, 4);
    packet[34 + 13] = 0x18 | 0x01;  // PSH, ACK, FIN
    const uint32_t pseudo = net::internet_sum(std::span(packet).subspan(14 + 12, 8), 6);
    net::put_be(packet, 34 + 16, pseudo, 2);
    f.put(kData, packet);
    f.describe(kTxRing, 0, 14 | 24 << 8 | 33 << 16 | uint64_t{34} << 32 | uint64_t{50} << 40,
               250 | uint64_t{kSegmentation | kTcpContext | kIpContext | kExtended} << 24 | uint64_t{54} << 40 |
                   uint64_t{100} << 48);
    f.describe(kTxRing, 1, kData, data_descriptor(304, kEop | kSegmentation, kIpChecksum | kTcpChecksum));
    f.out(kTdt, 2);
    REQUIRE(f.port.sent.size() == 3);
    for (size_t n = 0; n < 3; n++) {
        const auto& s = f.port.sent[n];
        const size_t payload = n < 2 ? 100 : 50;
        REQUIRE(s.size() == 54 + payload);
        CHECK(net::get_be(s, 16, 2) == 40 + payload);
        CHECK(net::get_be(s, 18, 2) == 0x1234 + n);
        CHECK(net::get_be(s, 38, 4) == 1000 + 100 * n);
        CHECK(s[34 + 13] == (n < 2 ? 0x10 : 0x19));
        CHECK(net::internet_checksum(net::internet_sum(std::span(s).subspan(14, 20))) == 0);
        const uint32_t sum = net::internet_sum(std::span(s).subspan(26, 8), static_cast<uint32_t>(6 + 20 + payload));
        CHECK(net::internet_checksum(net::internet_sum(std::span(s).subspan(34), sum)) == 0);
        CHECK(std::equal(s.begin() + 54, s.end(), packet.begin() + 54 + static_cast<long>(100 * n)));
    }
}

TEST_CASE("e1000: what one register write can cost is bounded") {
    Fixture f;
    CountingPort port;
    E1000 card(port, f.memory, kTestMac);
    f.pci.add({4, 0}, card);
    f.pci.config_write(4 << 11 | 0x10, 4, kBase + 0x100000);
    f.pci.config_write(4 << 11 | 0x04, 4, 7);
    const auto out = [&f](uint32_t r, uint32_t value) { f.bus.write(GuestPhys(kBase + 0x100000 + r), 4, value); };
    // Packets of 128 KiB behind a header of 254 bytes, in segments of one byte.
    constexpr uint32_t kRing = 0x80000, kMany = 4096;
    f.describe(kRing, 0, 14 | 24 << 8 | 33 << 16 | uint64_t{34} << 32 | uint64_t{50} << 40,
               uint64_t{kSegmentation | kTcpContext | kIpContext | kExtended} << 24 | uint64_t{254} << 40 | uint64_t{1} << 48);
    for (uint32_t n = 1; n < kMany; ++n) f.describe(kRing, n, kData, data_descriptor(128 << 10, kEop | kSegmentation, 0));
    out(kTdbal, kRing);
    out(kTdlen, kMany * 16);
    out(kTctl, kTxEnable);
    out(kTdt, kMany - 1);
    CHECK(port.bytes > net::kMostWork / 2);
    CHECK(port.bytes < 2 * net::kMostWork);
    CHECK(static_cast<uint32_t>(f.bus.read(GuestPhys(kBase + 0x100000 + kTdh), 4)) == kMany - 1);
}

TEST_CASE("e1000: frames that it wants are stored with their check sequence") {
    Fixture f;
    f.start_receive();
    f.out(kIms, kRxt0);
    const auto frame = test_frame(kTestMac, 100);
    f.port.arrive(test_frame({2, 0, 0, 0, 0, 1}, 100));  // another's
    CHECK_FALSE(f.irq());
    f.port.arrive(frame);
    CHECK(f.irq());
    CHECK(f.in(kRdh) == 1);
    CHECK(net::get_le(f.memory.bytes, kRxRing + 8, 2) == 104);
    CHECK(f.memory.bytes[kRxRing + 12] == (kDescriptorDone | kRxEop | kIgnoreChecksum));
    CHECK(std::equal(frame.begin(), frame.end(), f.memory.bytes.begin() + kData));
    CHECK(net::get_le(f.memory.bytes, kData + 100, 4) == net::frame_check_sequence(frame));
    f.port.arrive(test_frame(kBroadcastMac, 60));
    CHECK(f.in(kRdh) == 2);
}

TEST_CASE("e1000: multicast by the hash table, everything when promiscuous") {
    Fixture f;
    f.start_receive();
    const net::MacAddress group{0x01, 0x00, 0x5e, 0, 0, 0xfb};
    f.port.arrive(test_frame(group, 60));
    CHECK(f.in(kRdh) == 0);
    const unsigned hash = (0xfb00u >> 4) & 0xfff;
    f.out(kMta + 4 * (hash >> 5), 1u << (hash & 31));
    f.port.arrive(test_frame(group, 60));
    CHECK(f.in(kRdh) == 1);
    f.out(kRctl, kRxEnable | kUnicastPromiscuous);
    f.port.arrive(test_frame({2, 0, 0, 0, 0, 1}, 60));
    CHECK(f.in(kRdh) == 2);
}

TEST_CASE("e1000: frames wait while there are no buffers, and come when there are") {
    Fixture f;
    f.start_receive();
    for (int n = 0; n < 10; n++) f.port.arrive(test_frame(kTestMac, 60));
    CHECK(f.port.waiting.size() == 3);
    CHECK(f.in(kRdh) == f.in(kRdt));
    f.out(kRdt, 3);
    CHECK(f.port.waiting.empty());
    CHECK(f.in(kRdh) == 2);
    f.out(kRctl, 0);
    f.port.arrive(test_frame(kTestMac, 60));
    CHECK(f.port.waiting.empty());  // a receiver that is off hears nothing
}

TEST_CASE("e1000: rings and buffers outside memory send and store nothing") {
    Fixture f;
    f.start_transmit();
    f.describe(kTxRing, 0, 0xfffffffffffffff0, 100 | uint64_t{kEop | kReportStatus} << 24);
    f.out(kTdt, 1);
    CHECK(f.port.sent.empty());
    CHECK(f.in(kTdh) == 1);
    f.out(kTdbah, 0x12345678);
    f.out(kTdt, 5);
    CHECK(f.port.sent.empty());
    // A head that is no place in the ring comes back to its beginning.
    f.out(kTdbah, 0);
    f.out(kTdh, 0xffff);
    f.out(kTdt, 0xfffe);
    CHECK(f.port.sent.empty());
    f.start_receive();
    f.out(kRdbah, 0xffffffff);
    f.port.arrive(test_frame(kTestMac, 60));
    CHECK(f.port.waiting.empty());
}

TEST_CASE("e1000: without the bus it does nothing") {
    Fixture f;
    f.start_transmit();
    f.config(0x04, 3);
    f.describe(kTxRing, 0, kData, 100 | uint64_t{kEop} << 24);
    f.out(kTdt, 1);
    CHECK(f.port.sent.empty());
}

// Writes in any order, descriptors of random bytes: the card lives, and a copy of its state goes on the same.
TEST_CASE("e1000: random drivers") {
    const unsigned seed = GENERATE(range(1u, 13u));
    CAPTURE(seed);
    std::mt19937 random(seed);
    constexpr uint32_t kRegisters[] = {kCtrl, kEecd, kEerd,  kMdic,  kIcr, kIcs, kIms,   kImc,
                                       kRctl, kTctl, kRdbal, kRdlen, kRdh, kRdt, kTdbal, kTdlen,
                                       kTdh,  kTdt,  kRal,   kRah,   kMta, kVet, kVfta};
    Fixture f, copy;
    const auto same_write = [&](uint32_t r, uint32_t value) {
        f.out(r, value);
        copy.out(r, value);
    };
    for (int round = 0; round < 40; round++) {
        for (size_t n = 0; n < 0x3000; n++) f.memory.bytes[n] = static_cast<uint8_t>(random() % 3 ? 0 : random());
        copy.memory.bytes = f.memory.bytes;
        copy.card.restore(f.card.state());
        copy.pci.remap();
        for (int i = 0; i < 60; i++) {
            const uint32_t r = kRegisters[random() % std::size(kRegisters)];
            uint32_t value = random();
            if (r == kRdbal || r == kTdbal) value &= 0x11fff;
            if (r == kRdlen || r == kTdlen) value = 128 * (random() % 4);
            if (r == kRdh || r == kRdt || r == kTdh || r == kTdt) value = random() % (random() % 8 ? 16 : 0x10000);
            if (r == kRctl || r == kTctl) value |= kRxEnable;
            if (r == kCtrl && random() % 4) value &= ~kReset;
            switch (random() % 4) {
                case 0: {
                    const auto frame = test_frame(random() % 2 ? kTestMac : kBroadcastMac, 60 + random() % 1459);
                    f.port.arrive(frame);
                    copy.port.arrive(frame);
                    break;
                }
                case 1:
                    REQUIRE(f.in(r) == copy.in(r));
                    break;
                default:
                    same_write(r, value);
            }
            REQUIRE(f.irq() == copy.irq());
        }
        REQUIRE(f.port.sent == copy.port.sent);
        REQUIRE(f.memory.bytes == copy.memory.bytes);
        for (const auto& frame : f.port.sent) REQUIRE(frame.size() >= net::kHeaderBytes);
        f.port.sent.clear();
        copy.port.sent.clear();
        copy.port.waiting = f.port.waiting;
    }
}
