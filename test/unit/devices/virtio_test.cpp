// virtio at register level: rings as a driver makes them, and as none does.
#include <random>

#include <catch2/catch.hpp>

#include "devices/net/offload.h"
#include "devices/net/packet_fields.h"
#include "devices/pci_bus.h"
#include "devices/virtio/virtio_block.h"
#include "devices/virtio/virtio_net.h"
#include "test/unit/devices/fake_medium.h"
#include "test/unit/devices/net_support.h"
#include "test/unit/devices/support.h"
#include "vmm/net/checksum.h"

using namespace ringfold;

namespace {

constexpr uint16_t kPorts = 0xc000;
constexpr uint32_t kSize = virtio::Virtqueue::kSize, kBuffers = 0x40000;
constexpr uint16_t kNext = 1, kWrite = 2, kIndirect = 4;

// A driver: queue n lies at (n + 1) * 64 KiB.
struct Driver {
    explicit Driver(virtio::VirtioPci& card, FlatMemory& m) : memory(m) {
        pci.connect_interrupts(&lines);
        pci.add({3, 0}, card);
        pci.config_write(3 << 11 | 0x10, 4, kPorts);
        pci.config_write(3 << 11 | 0x04, 2, 5);
    }
    uint32_t in(uint16_t at, unsigned size) { return bus.in(static_cast<uint16_t>(kPorts + at), size); }
    void out(uint16_t at, unsigned size, uint32_t value) { bus.out(static_cast<uint16_t>(kPorts + at), size, value); }
    bool irq() const { return lines.level(2); }
    size_t ring(unsigned n) const { return (n + 1) << 16; }
    size_t available(unsigned n) const { return ring(n) + 16 * kSize; }
    size_t used(unsigned n) const { return ring(n) + 0x2000; }

    void start(unsigned queues, uint32_t features = 0) {
        out(18, 1, 0);
        out(18, 1, 3);
        out(4, 4, features);
        for (unsigned n = 0; n < queues; n++) {
            out(14, 2, n);
            REQUIRE(in(12, 2) == kSize);
            out(8, 4, static_cast<uint32_t>(ring(n) >> 12));
        }
        out(18, 1, 7);
    }
    void describe(unsigned n, uint32_t at, uint64_t address, uint32_t length, uint16_t flags, uint16_t next = 0) {
        auto& b = memory.bytes;
        net::put_le(b, ring(n) + 16 * at, address, 8);
        net::put_le(b, ring(n) + 16 * at + 8, length, 4);
        net::put_le(b, ring(n) + 16 * at + 12, flags, 2);
        net::put_le(b, ring(n) + 16 * at + 14, next, 2);
    }
    void offer(unsigned n, uint16_t head) {
        const auto index = static_cast<uint16_t>(net::get_le(memory.bytes, available(n) + 2, 2));
        net::put_le(memory.bytes, available(n) + 4 + 2 * (index % kSize), head, 2);
        net::put_le(memory.bytes, available(n) + 2, index + 1u, 2);
    }
    void notify(unsigned n) { out(16, 2, n); }
    uint32_t used_count(unsigned n) { return static_cast<uint32_t>(net::get_le(memory.bytes, used(n) + 2, 2)); }
    uint32_t used_length(unsigned n, uint32_t at) {
        return static_cast<uint32_t>(net::get_le(memory.bytes, used(n) + 4 + 8 * at + 4, 4));
    }

    FlatMemory& memory;
    WatchedLines lines;
    Bus bus;
    PciBus pci{bus};
};

struct Disk {
    FlatMemory memory{1 << 20};
    FakeMedium medium{64};
    VirtioBlock card{medium, memory, "serial"};
    Driver driver{card, memory};

    // Header, data, status in descriptors 0, 1, 2; returns the status.
    uint8_t request(uint32_t type, uint64_t sector, uint32_t length) {
        net::put_le(memory.bytes, kBuffers, type, 4);
        net::put_le(memory.bytes, kBuffers + 8, sector, 8);
        driver.describe(0, 0, kBuffers, 16, kNext, length ? 1 : 2);
        driver.describe(0, 1, kBuffers + 0x1000, length, static_cast<uint16_t>(type == 1 ? kNext : kNext | kWrite), 2);
        driver.describe(0, 2, kBuffers + 0x800, 1, kWrite);
        memory.bytes[kBuffers + 0x800] = 0xee;
        driver.offer(0, 0);
        driver.notify(0);
        medium.serve();
        return memory.bytes[kBuffers + 0x800];
    }
};

struct Card {
    FlatMemory memory{1 << 20};
    FakePort port;
    VirtioNet card{port, memory, kTestMac};
    Driver driver{card, memory};
};

}  // namespace

TEST_CASE("virtio disk: reads, writes, flushes, tells its name and size") {
    Disk d;
    d.driver.start(1);
    CHECK(d.driver.in(20, 4) == 64);
    CHECK(d.request(0, 3, 1024) == 0);
    CHECK(std::equal(d.medium.bytes.begin() + 1536, d.medium.bytes.begin() + 2560,
                     d.memory.bytes.begin() + kBuffers + 0x1000));
    CHECK(d.driver.used_count(0) == 1);
    CHECK(d.driver.used_length(0, 0) == 1025);
    CHECK(d.driver.irq());
    CHECK(d.driver.in(19, 1) == 1);
    CHECK_FALSE(d.driver.irq());
    std::fill_n(d.memory.bytes.begin() + kBuffers + 0x1000, 512, uint8_t{0x5a});
    CHECK(d.request(1, 63, 512) == 0);
    CHECK(d.medium.bytes[63 * 512 + 511] == 0x5a);
    CHECK(d.request(4, 0, 0) == 0);
    CHECK(d.medium.flushes == 1);
    CHECK(d.request(8, 0, 20) == 0);
    CHECK(d.memory.bytes[kBuffers + 0x1000] == 's');
}

TEST_CASE("virtio disk: what lies outside, is unknown, or fails on the host is an error") {
    Disk d;
    d.driver.start(1);
    CHECK(d.request(0, 64, 512) == 1);
    CHECK(d.request(0, 63, 1024) == 1);
    CHECK(d.request(0, UINT64_MAX, 512) == 1);
    CHECK(d.request(0, 0, 100) == 1);
    CHECK(d.request(1, 0, 0xfffffe00) == 1);
    CHECK(d.request(77, 0, 512) == 2);
    d.medium.bad_byte = 1000;
    CHECK(d.request(0, 1, 512) == 1);
    CHECK(d.request(0, 2, 512) == 0);
    CHECK_FALSE(d.medium.outside);
}

TEST_CASE("virtio disk: a reset forgets what was under way; a saved state begins it again") {
    Disk d;
    d.driver.start(1);
    d.memory.bytes[kBuffers + 0x800] = 0xee;
    net::put_le(d.memory.bytes, kBuffers, 0, 4);
    d.driver.describe(0, 0, kBuffers, 16, kNext, 1);
    d.driver.describe(0, 1, kBuffers + 0x1000, 512, kNext | kWrite, 2);
    d.driver.describe(0, 2, kBuffers + 0x800, 1, kWrite);
    d.driver.offer(0, 0);
    d.driver.notify(0);
    const auto state = d.card.state();
    CHECK(state.under_way.size() == 1);
    d.driver.out(18, 1, 0);
    d.medium.serve();
    CHECK(d.memory.bytes[kBuffers + 0x800] == 0xee);
    d.card.restore(state);
    d.medium.serve();
    CHECK(d.memory.bytes[kBuffers + 0x800] == 0);
}

TEST_CASE("virtio: rings that no driver makes break the queue and nothing else") {
    Disk d;
    d.driver.start(1);
    SECTION("a chain that loops") {
        d.driver.describe(0, 0, kBuffers, 16, kNext, 0);
    }
    SECTION("a link out of the table") {
        d.driver.describe(0, 0, kBuffers, 16, kNext, 0xfff0);
    }
    SECTION("an indirect table in an indirect table") {
        d.driver.describe(0, 0, kBuffers, 16, kIndirect);
        net::put_le(d.memory.bytes, kBuffers + 12, kIndirect, 2);
        net::put_le(d.memory.bytes, kBuffers + 8, 16, 4);
    }
    SECTION("an indirect table outside memory") {
        d.driver.describe(0, 0, 1ull << 40, 64, kIndirect);
    }
    SECTION("reading behind writing") {
        d.driver.describe(0, 0, kBuffers, 16, kNext | kWrite, 1);
        d.driver.describe(0, 1, kBuffers, 16, 0);
    }
    SECTION("more offered than fit") {
        net::put_le(d.memory.bytes, d.driver.available(0) + 2, 1000, 2);
    }
    SECTION("the ring outside memory") {
        d.driver.out(8, 4, 0xffffffff);
    }
    d.driver.offer(0, 0);
    d.driver.notify(0);
    d.medium.serve();
    CHECK(d.driver.used_count(0) == 0);
    std::fill(d.memory.bytes.begin(), d.memory.bytes.end(), uint8_t{0});
    d.driver.start(1);
    CHECK(d.request(0, 0, 512) == 0);
}

TEST_CASE("virtio net: frames out and in, the address, and frames that wait for buffers") {
    Card c;
    c.driver.start(2);
    CHECK(c.driver.in(20, 4) == 0x01005452);
    const auto frame = test_frame(kTestMac, 300);
    std::copy(frame.begin(), frame.end(), c.memory.bytes.begin() + kBuffers + 10);
    c.driver.describe(1, 0, kBuffers, 310, 0);
    c.driver.offer(1, 0);
    c.driver.notify(1);
    REQUIRE(c.port.sent.size() == 1);
    CHECK(c.port.sent[0] == frame);
    CHECK(c.driver.used_count(1) == 1);
    c.port.arrive(frame);
    CHECK(c.port.waiting.size() == 1);
    c.driver.describe(0, 0, 0x60000, 1600, kWrite);
    c.driver.offer(0, 0);
    c.driver.notify(0);
    CHECK(c.port.waiting.empty());
    CHECK(c.driver.used_length(0, 0) == 310);
    CHECK(std::equal(frame.begin(), frame.end(), c.memory.bytes.begin() + 0x60000 + 10));
}

TEST_CASE("virtio net: checksums and segments are made") {
    Card c;
    c.driver.start(2);
    net::Frame packet = test_frame(kTestMac, 54 + 250);
    net::put_be(packet, 12, 0x0800, 2);
    packet[14] = 0x45;
    packet[23] = 6;
    packet[34 + 12] = 0x50;
    net::put_be(packet, 34 + 16, net::internet_sum(std::span(packet).subspan(26, 8), 6 + 270), 2);
    auto& b = c.memory.bytes;
    std::copy(packet.begin(), packet.end(), b.begin() + kBuffers + 10);
    b[kBuffers] = 1;
    b[kBuffers + 1] = 1;  // TCP over IPv4
    net::put_le(b, kBuffers + 4, 100, 2);
    net::put_le(b, kBuffers + 6, 34, 2);
    net::put_le(b, kBuffers + 8, 16, 2);
    c.driver.describe(1, 0, kBuffers, static_cast<uint32_t>(10 + packet.size()), 0);
    c.driver.offer(1, 0);
    c.driver.notify(1);
    REQUIRE(c.port.sent.size() == 3);
    for (const auto& s : c.port.sent) {
        CHECK(net::internet_checksum(net::internet_sum(std::span(s).subspan(14, 20))) == 0);
        const uint32_t pseudo =
            net::internet_sum(std::span(s).subspan(26, 8), static_cast<uint32_t>(6 + s.size() - 34));
        CHECK(net::internet_checksum(net::internet_sum(std::span(s).subspan(34), pseudo)) == 0);
    }
}

TEST_CASE("virtio net: what one access can cost is bounded") {
    FlatMemory memory{1 << 20};
    CountingPort port;
    VirtioNet card{port, memory, kTestMac};
    Driver driver{card, memory};
    driver.start(2);
    // 128 KiB behind TCP's longest header, in segments of one byte, as often as the ring has places.
    auto& b = memory.bytes;
    b[kBuffers + 1] = 1;
    net::put_le(b, kBuffers + 4, 1, 2);
    net::put_le(b, kBuffers + 6, 34, 2);
    net::put_le(b, kBuffers + 8, 16, 2);
    net::put_be(b, kBuffers + 10 + 12, 0x0800, 2);
    b[kBuffers + 10 + 34 + 12] = 0xf0;
    driver.describe(1, 0, kBuffers, 128 << 10, 0);
    for (uint32_t n = 0; n < kSize; ++n) driver.offer(1, 0);
    driver.notify(1);
    CHECK(port.bytes > net::kMostWork / 2);
    CHECK(port.bytes < 2 * net::kMostWork);
    CHECK(driver.used_count(1) == kSize);
}

TEST_CASE("virtio: random drivers") {
    const unsigned seed = GENERATE(range(1u, 11u));
    CAPTURE(seed);
    std::mt19937 random(seed);
    Disk disk;
    Card card;
    for (int round = 0; round < 60; round++) {
        for (FlatMemory* memory : {&disk.memory, &card.memory})
            for (size_t n = 0x10000; n < 0x24000; n++)
                memory->bytes[n] = static_cast<uint8_t>(random() % 4 ? 0 : random());
        for (Driver* driver : {&disk.driver, &card.driver}) {
            if (random() % 2) driver->start(driver == &card.driver ? 2 : 1, random());
            for (int i = 0; i < 30; i++) {
                const auto at = static_cast<uint16_t>(random() % 48);
                const unsigned size = 1u << random() % 3;
                uint32_t value = random();
                if (at == 8) value = random() % 4 ? value % 0x30 : value;
                if (at == 14 || at == 16) value %= 4;
                if (at == 18 && random() % 4) value = 7;
                for (unsigned n = 0; n < 3; n++)
                    net::put_le(driver->memory.bytes, driver->available(n % 2) + 2, random() % 3, 2);
                random() % 3 ? driver->out(at, size, value) : static_cast<void>(driver->in(at, size));
                driver->notify(random() % 3);
                card.port.arrive(test_frame(kTestMac, 60 + random() % 1400));
                if (random() % 2) disk.medium.serve();
            }
        }
        const auto state = disk.card.state();
        disk.card.restore(state);
        card.card.restore(card.card.state());
        REQUIRE_FALSE(disk.medium.outside);
        for (const auto& frame : card.port.sent) REQUIRE(frame.size() >= net::kHeaderBytes);
        card.port.sent.clear();
    }
}
