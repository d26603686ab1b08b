// The CD-ROM drive at register level: packets over PIO and DMA, tray, lock, change of the medium.
#include <catch2/catch.hpp>

#include "devices/ide/atapi_cdrom.h"
#include "devices/ide/ide_controller.h"
#include "test/unit/devices/fake_medium.h"
#include "test/unit/devices/support.h"

using namespace ringfold;

namespace {

using Bytes = std::vector<uint8_t>;

struct Cdrom {
    std::vector<bool> trays;  // as the listener heard
    FakeMedium disc{4 * 300};
    FlatMemory memory{1 << 20};
    WatchedLines lines;
    IdeController ide{IrqLine(lines, 14), IrqLine(lines, 15), memory};
    IdeChannel& channel = ide.channel(1);
    AtapiCdrom& drive = ide.attach_cdrom(2, disc);

    Cdrom() {
        drive.on_tray_moved([this](bool open) { trays.push_back(open); });
    }
    void send(Bytes packet, unsigned limit, bool dma = false) {
        packet.resize(12);
        put(channel, 1, dma);
        put(channel, 4, limit & 0xff);
        put(channel, 5, limit >> 8);
        put(channel, 7, 0xa0);
        CHECK(get(channel, 2) == 1);
        CHECK(get(channel, 8) == 0x58);
        for (size_t i = 0; i < 12; i += 2) channel.write(0, 2, packet[i] | packet[i + 1] << 8);
        disc.serve();
    }
    // Gives a packet by PIO and takes all of its data.
    Bytes run(const Bytes& packet, unsigned limit = 0xfffe) {
        send(packet, limit);
        Bytes all;
        while (get(channel, 8) == 0x58) {
            CHECK(lines.level(15));
            CHECK(get(channel, 2) == 2);
            get(channel, 7);
            const unsigned n = get(channel, 4) | get(channel, 5) << 8;
            REQUIRE(n > 0);
            REQUIRE(n <= limit);
            for (unsigned i = 0; i < n; i += 2) {
                const uint32_t v = channel.read(0, 2);
                all.push_back(static_cast<uint8_t>(v));
                if (i + 1 < n) all.push_back(static_cast<uint8_t>(v >> 8));
            }
            disc.serve();
        }
        CHECK(lines.level(15));
        CHECK(get(channel, 2) == 3);
        return all;
    }
    unsigned status() { return get(channel, 7); }
    // Key, code, qualifier of the last packet, which failed.
    Bytes sense() {
        CHECK(status() == 0x51);
        const unsigned error = get(channel, 1);
        const Bytes s = run({0x03, 0, 0, 0, 18});
        CHECK(s.size() == 18);
        CHECK(error >> 4 == s[2]);
        return {s[2], s[12], s[13]};
    }
    Bytes blocks(size_t first, size_t count) const {
        return {disc.bytes.begin() + static_cast<long>(first * 2048),
                disc.bytes.begin() + static_cast<long>((first + count) * 2048)};
    }
};

}  // namespace

TEST_CASE("CD-ROM: its signature, and what it says of itself") {
    Cdrom t;
    CHECK(get(t.channel, 4) == 0x14);
    CHECK(get(t.channel, 5) == 0xeb);
    put(t.channel, 7, 0xec);
    CHECK(t.status() == 0x51);
    CHECK(get(t.channel, 4) == 0x14);
    put(t.channel, 7, 0xa1);
    CHECK(t.status() == 0x58);
    CHECK((t.channel.read(0, 2) & 0xffff) == 0x85c0);
    for (int i = 1; i < 256; i++) t.channel.read(0, 2);
    CHECK(t.status() == 0x50);
    const Bytes inquiry = t.run({0x12, 0, 0, 0, 36});
    CHECK(inquiry[0] == 5);
    CHECK(std::string(inquiry.begin() + 8, inquiry.begin() + 16) == "RINGFOLD");
    CHECK(t.run({0x12, 0, 0, 0, 5}).size() == 5);
}

TEST_CASE("CD-ROM: a packet without data needs no limit of bytes, one with data does") {
    Cdrom t;
    t.run({0x00}, 0);
    CHECK(t.status() == 0x50);
    t.send({0x25}, 0);
    CHECK(t.status() == 0x51);
}

TEST_CASE("CD-ROM: READ by PIO in blocks of any limit, and by DMA") {
    Cdrom t;
    CHECK(t.run({0x25}) == Bytes{0, 0, 1, 43, 0, 0, 8, 0});
    for (unsigned limit : {2u, 2048u, 2049u, 10000u, 0xffffu})
        CHECK(t.run({0x28, 0, 0, 0, 0, 100, 0, 0, 150}, std::min(limit, 0xfffeu)) == t.blocks(100, 150));
    CHECK(t.run({0xa8, 0, 0, 0, 0, 9, 0, 0, 0, 2}) == t.blocks(9, 2));
    CHECK(t.run({0xbe, 0, 0, 0, 0, 9, 0, 0, 2, 0x10}) == t.blocks(9, 2));
    t.memory.put32(0x1000, 0x20000);
    t.memory.put32(0x1004, 0x80000000);
    BusMaster& master = t.ide.bus_master(1);
    master.write(4, 4, 0x1000);
    put(master, 0, 8);
    t.send({0x28, 0, 0, 0, 0, 5, 0, 0, 32}, 0, true);
    put(master, 0, 9);
    t.disc.serve();
    CHECK(t.lines.level(15));
    CHECK(t.status() == 0x50);
    CHECK((get(master, 2) & 7) == 4);
    const Bytes wanted = t.blocks(5, 32);
    CHECK(std::equal(wanted.begin(), wanted.end(), t.memory.bytes.begin() + 0x20000));
}

TEST_CASE("CD-ROM: what cannot be read") {
    Cdrom t;
    t.run({0x28, 0, 0, 0, 1, 43, 0, 0, 2});
    CHECK(t.sense() == Bytes{5, 0x21, 0});
    t.disc.bad_byte = 2048 * 7;
    t.run({0x28, 0, 0, 0, 0, 7, 0, 0, 1});
    CHECK(t.sense() == Bytes{3, 0x11, 0});
    t.run({0x2a});
    CHECK(t.sense() == Bytes{5, 0x20, 0});
    CHECK_FALSE(t.disc.outside);
}

TEST_CASE("CD-ROM: tray, lock and change of the medium") {
    Cdrom t;
    t.run({0x1e, 0, 0, 0, 1});
    t.run({0x1b, 0, 0, 0, 2});
    CHECK(t.sense() == Bytes{5, 0x53, 2});
    t.run({0x1e, 0, 0, 0, 0});
    t.run({0x1b, 0, 0, 0, 2});
    t.run({0x00});
    CHECK(t.sense() == Bytes{2, 0x3a, 2});
    CHECK(t.run({0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8}) == Bytes{0, 4, 4, 16, 0, 3, 0, 0});
    t.run({0x1b, 0, 0, 0, 3});
    t.run({0x00});
    CHECK(t.sense() == Bytes{6, 0x28, 0});
    t.run({0x00});
    CHECK(t.status() == 0x50);
    t.disc.change({});
    t.run({0x00});
    CHECK(t.sense() == Bytes{2, 0x3a, 1});
    t.disc.change(Bytes(2048 * 10));
    CHECK(t.run({0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8})[4] == 2);
    t.run({0x25});
    CHECK(t.sense() == Bytes{6, 0x28, 0});
    CHECK(t.run({0x25})[3] == 9);
}

TEST_CASE("CD-ROM: the table of contents") {
    Cdrom t;
    CHECK(t.run({0x43, 0, 0, 0, 0, 0, 0, 0, 100}) ==
          Bytes{0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0, 0, 0x14, 0xaa, 0, 0, 0, 1, 44});
    CHECK(t.run({0x43, 2, 0, 0, 0, 0, 0xaa, 0, 100}) == Bytes{0, 10, 1, 1, 0, 0x14, 0xaa, 0, 0, 0, 6, 0});
}

TEST_CASE("CD-ROM: whoever listens hears of a tray that the guest moves, once") {
    Cdrom t;
    for (const uint8_t how : {2, 2, 3, 3}) t.run({0x1b, 0, 0, 0, how});
    CHECK(t.trays == std::vector<bool>{true, false});
    t.run({0x1e, 0, 0, 0, 1});  // locked
    t.run({0x1b, 0, 0, 0, 2});
    CHECK(t.trays.size() == 2);
}

TEST_CASE("CD-ROM: a disc that goes in the middle of a READ, and one that is another then") {
    for (const Bytes& then : {Bytes{}, Bytes(2048 * 10), Bytes(2048 * 300)}) {
        Cdrom t;
        t.send({0x28, 0, 0, 0, 0, 100, 0, 0, 100}, 0xf000);
        REQUIRE(get(t.channel, 8) == 0x58);
        t.disc.change(then);
        for (size_t n = 0; n < 100 * 2048 && get(t.channel, 8) == 0x58; n += 2) {
            t.channel.read(0, 2);
            t.disc.serve();
        }
        CHECK_FALSE(t.disc.outside);
        CHECK(t.sense() == (then.empty() ? Bytes{2, 0x3a, 1} : Bytes{6, 0x28, 0}));
        CHECK(t.status() == 0x50);
    }
}

TEST_CASE("CD-ROM: a READ that is restored before a smaller disc ends with it") {
    Cdrom t, other;
    t.send({0x28, 0, 0, 0, 0, 100, 0, 0, 100}, 0xf000);
    other.disc.bytes.resize(2048 * 120);
    other.drive.restore(t.drive.state());
    for (size_t n = 0; n < 100 * 2048 && get(other.channel, 8) == 0x58; n += 2) {
        other.channel.read(0, 2);
        other.disc.serve();
    }
    CHECK_FALSE(other.disc.outside);
    CHECK(other.sense() == Bytes{5, 0x21, 0});
}

TEST_CASE("CD-ROM: mode pages are as long as they say") {
    Cdrom t;
    const Bytes all = t.run({0x5a, 0, 0x3f, 0, 0, 0, 0, 0, 200});
    CHECK(all.size() == size_t{2} + all[1]);
    size_t at = 8;
    Bytes pages;
    for (; at < all.size(); at += size_t{2} + all[at + 1]) pages.push_back(all[at]);
    CHECK(at == all.size());
    CHECK(pages == Bytes{0x01, 0x2a});
}
