// The RTL8029AS at register level, as drivers use it and as they should not.
#include "devices/net/ne2000.h"

#include <random>

#include <catch2/catch.hpp>

#include "devices/pci_bus.h"
#include "test/unit/devices/net_support.h"
#include "test/unit/devices/support.h"
#include "vmm/net/checksum.h"

using namespace ringfold;

namespace {

constexpr uint16_t kBase = 0xc000;
constexpr uint8_t kPageStart = 0x46, kPageStop = 0x80, kTransmitPage = 0x40;
constexpr net::MacAddress kOther{0x52, 0x54, 0, 1, 2, 4}, kGroup{0x01, 0x00, 0x5e, 0, 0, 0xfb};

struct Fixture {
    Fixture() {
        pci.connect_interrupts(&lines);
        pci.add({3, 0}, card);
        pci.config_write(3 << 11 | 0x10, 4, kBase);
        pci.config_write(3 << 11 | 0x04, 4, 1);
    }
    uint32_t in(unsigned r, unsigned size = 1) { return bus.in(static_cast<uint16_t>(kBase + r), size); }
    void out(unsigned r, uint32_t value, unsigned size = 1) { bus.out(static_cast<uint16_t>(kBase + r), size, value); }
    bool irq() const { return lines.level(2); }

    // As Linux's driver does it: reset, stop, set up, start.
    void start(uint8_t accept = 0x04) {
        out(0x1f, in(0x1f));
        out(0x00, 0x21);
        out(0x0e, 0x49);
        out(0x0a, 0), out(0x0b, 0);
        out(0x0c, 0x20), out(0x0d, 0x02);
        out(0x04, kTransmitPage), out(0x01, kPageStart), out(0x03, kPageStart), out(0x02, kPageStop);
        out(0x07, 0xff), out(0x0f, 0x3f);
        out(0x00, 0x61);
        for (unsigned n = 0; n < 6; ++n) out(1 + n, kTestMac[n]);
        out(0x07, kPageStart + 1);
        out(0x00, 0x22);
        out(0x0d, 0x00), out(0x0c, accept);
    }
    std::vector<uint8_t> read_remote(uint16_t address, uint16_t count, unsigned size = 2) {
        remote(address, count, 0x0a);
        std::vector<uint8_t> bytes;
        for (unsigned at = 0; at < count; at += size) {
            const uint32_t value = in(0x10, size);
            for (unsigned n = 0; n < size; ++n) bytes.push_back(static_cast<uint8_t>(value >> 8 * n));
        }
        return bytes;
    }
    void write_remote(uint16_t address, const std::vector<uint8_t>& bytes) {
        remote(address, static_cast<uint16_t>(bytes.size()), 0x12);
        for (size_t at = 0; at < bytes.size(); at += 2) out(0x10, bytes[at] | uint32_t{bytes[at + 1]} << 8, 2);
    }
    void remote(uint16_t address, uint16_t count, uint8_t command) {
        out(0x00, 0x22);
        out(0x07, 0x40);
        out(0x08, address & 0xff), out(0x09, address >> 8);
        out(0x0a, count & 0xff), out(0x0b, count >> 8);
        out(0x00, command);
    }
    uint8_t current() {
        out(0x00, 0x62);
        const uint32_t page = in(0x07);
        out(0x00, 0x22);
        return static_cast<uint8_t>(page);
    }
    void send(const net::Frame& frame) {
        write_remote(kTransmitPage << 8, frame);
        out(0x05, frame.size() & 0xff), out(0x06, static_cast<uint32_t>(frame.size() >> 8));
        out(0x00, 0x26);
    }

    // All that the wire brings, as long as there is room.
    void let_arrive() {
        while (const auto due = card.next_deadline()) {
            clock.step(std::max<Nanoseconds>(*due - clock.now(), 0));
            card.advance(clock.now());
        }
    }
    void arrive(net::Frame frame) {
        port.arrive(std::move(frame));
        let_arrive();
    }

    ManualClock clock;
    FakePort port;
    WatchedLines lines;
    Bus bus;
    Ne2000 card{clock, port, kTestMac};
    PciBus pci{bus};
};

}  // namespace

TEST_CASE("ne2000: a driver finds it by its reset, its identity and its station address") {
    Fixture f;
    f.out(0x07, 0xff);
    CHECK((f.in(0x07) & 0x80) == 0x80);  // "in the reset state", whatever is written
    CHECK(f.in(0x00) == 0x21);
    CHECK(f.in(0x0a) == 0x50);
    CHECK(f.in(0x0b) == 0x43);
    f.start();
    CHECK((f.in(0x07) & 0x80) == 0);
    const auto prom = f.read_remote(0, 32);
    for (unsigned n = 0; n < 6; ++n) CHECK((prom[2 * n] == kTestMac[n] && prom[2 * n + 1] == kTestMac[n]));
    CHECK((prom[28] == 0x57 && prom[29] == 0x57 && prom[30] == 0x57 && prom[31] == 0x57));
    f.in(0x18);
    CHECK((f.in(0x07) & 0x80) == 0x80);
}

TEST_CASE("ne2000: the buffer is 16 KiB behind the data port, by bytes, words and dwords") {
    Fixture f;
    f.start();
    f.write_remote(0x4000, {1, 2, 3, 4, 5, 6, 7, 8});
    CHECK((f.in(0x07) & 0x40) == 0x40);  // remote DMA is complete
    CHECK(f.read_remote(0x4000, 8) == std::vector<uint8_t>{1, 2, 3, 4, 5, 6, 7, 8});
    CHECK(f.read_remote(0x4000, 8, 4) == std::vector<uint8_t>{1, 2, 3, 4, 5, 6, 7, 8});
    f.remote(0, 32, 0x0a);
    for (const uint8_t byte : kTestMac) CHECK(f.in(0x10) == byte);  // a byte out of each word
    f.out(0x0e, 0x48);
    CHECK(f.read_remote(0x4001, 4, 1) == std::vector<uint8_t>{2, 3, 4, 5});
    CHECK(f.in(0x10) == 0);  // nothing is left of the transfer
    CHECK(f.read_remote(0x3fff, 2, 1) == std::vector<uint8_t>{0xff, 1});
    f.out(0x0e, 0x49);
    f.write_remote(0x7ffe, {9, 10});
    CHECK(f.read_remote(0x7ffe, 2) == std::vector<uint8_t>{9, 10});
    f.remote(0x4000, 0, 0x0a);
    CHECK((f.in(0x07) & 0x40) == 0x40);  // nothing is done at once
}

TEST_CASE("ne2000: what the driver puts into the buffer goes out") {
    Fixture f;
    f.start();
    const auto frame = test_frame(kOther, 1514);
    f.send(frame);
    REQUIRE(f.port.sent.size() == 1);
    CHECK(f.port.sent[0] == frame);
    CHECK(f.in(0x04) == 0x01);
    CHECK(f.in(0x00) == 0x22);  // not transmitting any more
    CHECK(f.irq());
    f.out(0x07, 0x02);
    CHECK_FALSE(f.irq());
    f.out(0x05, 14), f.out(0x06, 0);
    f.out(0x00, 0x26);
    CHECK(f.port.sent.at(1).size() == 60);  // filled up, as the wire wants it
    f.out(0x06, 0xff);
    f.out(0x00, 0x26);
    CHECK(f.port.sent.size() == 2);  // longer than any frame
    f.out(0x0d, 0x02);
    f.send(frame);
    CHECK(f.port.sent.size() == 2);  // loopback
}

TEST_CASE("ne2000: a frame arrives behind its header, round the end of the ring") {
    Fixture f;
    f.start();
    const auto frame = test_frame(kTestMac, 1000);
    uint8_t boundary = kPageStart, page = kPageStart + 1;
    for (int n = 0; n < 100; ++n) {
        CAPTURE(n);
        REQUIRE(f.current() == page);
        f.arrive(frame);
        CHECK(f.irq());
        const auto header = f.read_remote(static_cast<uint16_t>(page << 8), 4);
        const unsigned length = header[2] | header[3] << 8;
        CHECK(header[0] == 0x01);
        CHECK(length == 1004);
        const auto stored = f.read_remote(static_cast<uint16_t>((page << 8) + 4), 1004);
        CHECK(net::Frame(stored.begin(), stored.begin() + 1000) == frame);
        CHECK(net::frame_check_sequence(frame) == (stored[1000] | stored[1001] << 8 | stored[1002] << 16 | uint32_t{stored[1003]} << 24));
        page = header[1];
        boundary = page == kPageStart ? kPageStop - 1 : page - 1;
        f.out(0x03, boundary);
        f.out(0x07, 0xff);
        CHECK_FALSE(f.irq());
    }
}

TEST_CASE("ne2000: a full ring lets the next frames wait, and forgets none") {
    Fixture f;
    f.start();
    for (uint8_t n = 0; n < 100; ++n) {
        auto frame = test_frame(kTestMac, 1514);
        frame[20] = n;
        f.arrive(frame);
    }
    CHECK_FALSE(f.port.waiting.empty());
    uint8_t page = kPageStart + 1;
    for (uint8_t n = 0; n < 100; ++n) {
        REQUIRE(page != f.current());
        const auto start = f.read_remote(static_cast<uint16_t>(page << 8), 26);
        REQUIRE(start[24] == n);
        page = start[1];
        f.out(0x03, page == kPageStart ? kPageStop - 1 : page - 1u);
        f.let_arrive();
    }
    CHECK(page == f.current());
    CHECK(f.port.waiting.empty());
}

// Linux's driver takes nine packets at most, and acknowledges what has come meanwhile too.
TEST_CASE("ne2000: packets that are left in the ring are told again") {
    Fixture f;
    f.start();
    const auto frame = test_frame(kTestMac, 300);
    for (int n = 0; n < 3; ++n) f.arrive(frame);
    f.out(0x07, 0xff);
    CHECK(f.irq());
    f.out(0x03, f.current() - 1u);
    f.out(0x07, 0xff);
    CHECK_FALSE(f.irq());
}

TEST_CASE("ne2000: frames come one after the other, as fast as the wire is") {
    Fixture f;
    f.start();
    f.port.arrive(test_frame(kTestMac, 1000));
    f.port.arrive(test_frame(kTestMac, 1000));
    CHECK(f.current() == kPageStart + 1 + 4);
    REQUIRE(f.card.next_deadline() == f.clock.now() + 80'000);
    f.card.advance(f.clock.now() + 79'999);
    CHECK(f.current() == kPageStart + 1 + 4);
    f.let_arrive();
    CHECK(f.current() == kPageStart + 1 + 8);
    CHECK_FALSE(f.card.next_deadline());
}

TEST_CASE("ne2000: the filters") {
    Fixture f;
    const auto arrives = [&f](uint8_t accept, const net::MacAddress& to) {
        f.start(accept);
        f.arrive(test_frame(to, 60));
        return f.current() != kPageStart + 1;
    };
    CHECK(arrives(0x00, kTestMac));
    CHECK_FALSE(arrives(0x00, kOther));
    CHECK(arrives(0x10, kOther));
    CHECK_FALSE(arrives(0x30, kTestMac));  // monitor mode stores nothing
    CHECK_FALSE(arrives(0x00, kBroadcastMac));
    CHECK(arrives(0x04, kBroadcastMac));
    CHECK_FALSE(arrives(0x08, kGroup));
    // The bit of 01:00:5e:00:00:fb, as Linux's ether_crc() >> 26 has it.
    f.out(0x00, 0x62);
    f.out(0x08 + 1, 0x80);
    f.out(0x00, 0x22);
    f.arrive(test_frame(kGroup, 60));
    CHECK(f.current() != kPageStart + 1);
    CHECK(f.in(0x0c) == 0x21);
}

TEST_CASE("ne2000: a stopped card, or a ring that cannot be, hears nothing") {
    Fixture f;
    f.start();
    f.out(0x00, 0x21);
    f.arrive(test_frame(kTestMac, 60));
    CHECK(f.port.waiting.empty());
    CHECK(f.current() == kPageStart + 1);  // which starts it again
    for (const auto& [start, stop, page] : {std::array{0x40, 0x40, 0x40}, {0x50, 0x48, 0x50}, {0x00, 0x80, 0x46}, {0x46, 0xff, 0x46}, {0x46, 0x60, 0x70}}) {
        f.out(0x01, static_cast<uint32_t>(start)), f.out(0x02, static_cast<uint32_t>(stop));
        f.out(0x00, 0x62);
        f.out(0x07, static_cast<uint32_t>(page));
        f.out(0x00, 0x22);
        f.arrive(test_frame(kTestMac, 1514));
        CHECK(f.port.waiting.empty());
        CHECK(f.current() == page);
    }
}

TEST_CASE("ne2000: random drivers") {
    const unsigned seed = GENERATE(range(1u, 13u));
    CAPTURE(seed);
    std::mt19937 random(seed);
    Fixture f, copy;
    size_t sent = 0, stored = 0;
    for (int round = 0; round < 60; ++round) {
        if (random() % 2) f.start(static_cast<uint8_t>(random() & 0x1f));
        copy.clock = f.clock;
        copy.card.restore(f.card.state());
        copy.pci.remap();
        copy.port.waiting = f.port.waiting;
        for (int i = 0; i < 200; ++i) {
            const unsigned r = random() % 32, size = 1u << random() % 3;
            // Mostly commands that start it, and pages that are in the buffer.
            uint32_t value = random() % 8 ? 0x40 + random() % 0x41 : random();
            if (r == 0 && random() % 8) value = (value & 0xdc) | 0x02;
            if (r == 6) value &= 7;  // lengths that may go out
            CAPTURE(round, i, r, size, value);
            switch (random() % 4) {
                case 0: {
                    const auto frame = test_frame(random() % 2 ? kTestMac : kBroadcastMac, 60 + random() % 1459);
                    const auto before = f.card.state().current;
                    f.arrive(frame);
                    copy.arrive(frame);
                    stored += f.card.state().current != before;
                    break;
                }
                case 1:
                    REQUIRE(f.in(r, size) == copy.in(r, size));
                    break;
                default:
                    f.out(r, value, r < 16 ? 1 : size);
                    copy.out(r, value, r < 16 ? 1 : size);
            }
            REQUIRE(f.irq() == copy.irq());
        }
        REQUIRE(f.port.sent == copy.port.sent);
        sent += f.port.sent.size();
        for (const auto& frame : f.port.sent) REQUIRE((frame.size() >= net::kSmallestFrame && frame.size() <= net::kLargestFrame));
        f.port.sent.clear();
        copy.port.sent.clear();
    }
    CHECK(sent > 0);
    CHECK(stored > 0);
}
