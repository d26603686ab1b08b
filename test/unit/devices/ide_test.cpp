// IDE channels, disks and bus masters at register level, as ATA-6 and the PIIX's data sheet have them.
#include <catch2/catch.hpp>

#include "devices/ide/ata_disk.h"
#include "devices/ide/ide_controller.h"
#include "test/unit/devices/fake_medium.h"
#include "test/unit/devices/support.h"
#include "vmm/base/state/reader.h"
#include "vmm/base/state/writer.h"

using namespace ringfold;

namespace {

constexpr unsigned kError = 1, kFeatures = 1, kCount = 2, kLow = 3, kMid = 4, kHigh = 5, kDevice = 6, kStatus = 7,
                   kCommand = 7, kControl = 8;
constexpr unsigned kReady = 0x50, kDrq = 0x58, kFailed = 0x51;

struct Ide {
    FakeMedium disk{300000}, slave{100};
    FlatMemory memory{1 << 20};
    WatchedLines lines;
    IdeController ide{IrqLine(lines, 14), IrqLine(lines, 15), memory};
    IdeChannel& channel = ide.channel(0);
    BusMaster& master = ide.bus_master(0);
    AtaDisk& drive = ide.attach_disk(0, disk);

    Ide() {
        ide.attach_disk(1, slave);
    }
    void lba28(uint64_t lba, unsigned count) {
        put(channel, kDevice, 0xe0 | (lba >> 24 & 0xf));
        put(channel, kCount, count);
        put(channel, kLow, lba & 0xff);
        put(channel, kMid, lba >> 8 & 0xff);
        put(channel, kHigh, lba >> 16 & 0xff);
    }
    void lba48(uint64_t lba, unsigned count) {
        put(channel, kDevice, 0xe0);
        for (unsigned part : {1, 0}) {
            put(channel, kCount, count >> (8 * part) & 0xff);
            for (unsigned n = 0; n < 3; n++) put(channel, kLow + n, lba >> (24 * part + 8 * n) & 0xff);
        }
    }
    void command(unsigned code) { put(channel, kCommand, code); }
    unsigned status() { return get(channel, kStatus); }
    std::vector<uint8_t> data(size_t bytes, unsigned width = 2) {
        std::vector<uint8_t> result;
        for (size_t i = 0; i < bytes; i += width) {
            const uint32_t v = channel.read(0, width);
            for (unsigned n = 0; n < width; n++) result.push_back(static_cast<uint8_t>(v >> (8 * n)));
        }
        return result;
    }
    void give(std::span<const uint8_t> bytes) {
        for (size_t i = 0; i < bytes.size(); i += 2) channel.write(0, 2, bytes[i] | bytes[i + 1] << 8);
    }
    std::vector<uint8_t> sectors(size_t first, size_t count) const {
        return {disk.bytes.begin() + static_cast<long>(first * 512),
                disk.bytes.begin() + static_cast<long>((first + count) * 512)};
    }
    // The address of the next sector would be the last one's.
    uint64_t shown_lba() {
        uint64_t lba = 0;
        put(channel, kControl, 0x80);
        for (unsigned n = 0; n < 3; n++) lba |= uint64_t{get(channel, kLow + n)} << (24 + 8 * n);
        put(channel, kControl, 0);
        for (unsigned n = 0; n < 3; n++) lba |= uint64_t{get(channel, kLow + n)} << (8 * n);
        return lba;
    }
    // A region for the bus master.
    void region(unsigned n, uint32_t address, uint32_t bytes, bool last) {
        memory.put32(0x1000 + 8 * n, address);
        memory.put32(0x1004 + 8 * n, (bytes & 0xffff) | (last ? 0x80000000 : 0));
    }
    void start(bool to_memory) {
        master.write(4, 4, 0x1000);
        put(master, 2, 0x66);
        put(master, 0, to_memory ? 8 : 0);
        put(master, 0, to_memory ? 9 : 1);
    }
    bool interrupt() {
        const bool level = lines.level(14);
        return level;
    }
};

uint16_t word(const std::vector<uint8_t>& identify, unsigned n) {
    return static_cast<uint16_t>(identify[2 * n] | identify[2 * n + 1] << 8);
}

}  // namespace

TEST_CASE("IDE: after power-on and after a reset a disk shows its signature") {
    Ide t;
    for (int i = 0; i < 2; i++) {
        CHECK(t.status() == kReady);
        CHECK(get(t.channel, kError) == 1);
        CHECK(get(t.channel, kCount) == 1);
        CHECK(get(t.channel, kLow) == 1);
        CHECK(get(t.channel, kMid) == 0);
        CHECK(get(t.channel, kHigh) == 0);
        t.lba28(1, 1);
        t.command(0x20);
        CHECK(t.status() == 0xd0);
        put(t.channel, kControl, 4);
        CHECK(t.status() == 0x80);
        put(t.channel, kControl, 0);
        CHECK_FALSE(t.disk.waiting());
        CHECK_FALSE(t.interrupt());
    }
}

TEST_CASE("IDE: where no device is, there is nothing") {
    FlatMemory memory(16);
    WatchedLines lines;
    IdeController ide(IrqLine(lines, 14), IrqLine(lines, 15), memory);
    IdeChannel& channel = ide.channel(1);
    for (unsigned select : {0xa0, 0xb0}) {
        put(channel, kDevice, select);
        put(channel, kCount, 0x55);
        CHECK(get(channel, kCount) == 0);
        CHECK(get(channel, kStatus) == 0);
        CHECK(get(channel, kControl) == 0);
        put(channel, kCommand, 0xec);
        CHECK(channel.read(0, 2) == 0);
        channel.write(0, 4, 1);
        CHECK_FALSE(lines.level(15));
    }
}

TEST_CASE("IDE: IDENTIFY DEVICE") {
    Ide t;
    t.command(0xec);
    CHECK(t.interrupt());
    CHECK(t.status() == kDrq);
    CHECK_FALSE(t.interrupt());
    const auto d = t.data(512);
    CHECK(t.status() == kReady);
    CHECK_FALSE(t.interrupt());
    CHECK(word(d, 0) == 0x40);
    CHECK((word(d, 60) | word(d, 61) << 16) == 300000);
    CHECK((word(d, 100) | word(d, 101) << 16) == 300000);
    CHECK(word(d, 1) == 300000 / (16 * 63));
    CHECK(word(d, 4) == 63 * 512);
    CHECK(word(d, 5) == 512);
    CHECK(std::string(d.begin() + 54, d.begin() + 60) == "IRGNOF");
    CHECK((word(d, 82) & 1) == 0);  // no SMART
    uint8_t sum = 0;
    for (uint8_t b : d) sum = static_cast<uint8_t>(sum + b);
    CHECK(sum == 0);
    put(t.channel, kDevice, 0xb0);
    t.command(0xec);
    CHECK(word(t.data(512), 60) == 100);
}

TEST_CASE("IDE: READ SECTORS by LBA28, a block and an interrupt for each sector") {
    Ide t;
    const unsigned width = GENERATE(1u, 2u, 4u);
    t.lba28(12345, 3);
    t.command(0x20);
    CHECK(get(t.channel, kControl) == 0xd0);
    CHECK_FALSE(t.interrupt());
    t.disk.serve();
    std::vector<uint8_t> all;
    for (int i = 0; i < 3; i++) {
        CHECK(t.interrupt());
        CHECK(get(t.channel, kControl) == kDrq);
        CHECK(t.interrupt());  // the alternate status leaves it
        CHECK(t.status() == kDrq);
        CHECK_FALSE(t.interrupt());
        const auto sector = t.data(512, width);
        all.insert(all.end(), sector.begin(), sector.end());
    }
    CHECK(t.status() == kReady);
    CHECK_FALSE(t.interrupt());
    CHECK(all == t.sectors(12345, 3));
    CHECK(t.shown_lba() == 12347);
    CHECK(t.channel.read(0, 2) == 0);
}

TEST_CASE("IDE: a count of zero is 256 sectors, or 65536") {
    Ide t;
    t.lba28(5, 0);
    t.command(0xc4);
    t.disk.serve();
    CHECK(t.data(256 * 512) == t.sectors(5, 256));
    CHECK(t.status() == kReady);
    t.lba48(7, 0);
    t.command(0x29);
    std::vector<uint8_t> all;
    while (t.disk.waiting()) {
        t.disk.serve();
        while (t.status() == kDrq) {
            const auto some = t.data(512);
            all.insert(all.end(), some.begin(), some.end());
        }
    }
    CHECK(all == t.sectors(7, 65536));
}

TEST_CASE("IDE: addresses by cylinder, head and sector") {
    Ide t;
    put(t.channel, kDevice, 0xa0 | 5);
    put(t.channel, kCount, 1);
    put(t.channel, kLow, 17);
    put(t.channel, kMid, 0x22);
    put(t.channel, kHigh, 0);
    t.command(0x20);
    t.disk.serve();
    CHECK(t.data(512) == t.sectors((0x22 * 16 + 5) * 63 + 16, 1));
    // INITIALIZE DEVICE PARAMETERS: 8 heads, 32 sectors.
    put(t.channel, kDevice, 0xa7);
    put(t.channel, kCount, 32);
    t.command(0x91);
    CHECK(t.status() == kReady);
    put(t.channel, kDevice, 0xa5);
    put(t.channel, kCount, 1);
    put(t.channel, kLow, 17);
    put(t.channel, kMid, 0x22);
    t.command(0x20);
    t.disk.serve();
    CHECK(t.data(512) == t.sectors((0x22 * 8 + 5) * 32 + 16, 1));
    // Sector 0, a head too many, a sector too many.
    for (auto [head, sector] : {std::pair(0xa0u, 0u), {0xa8u, 1u}, {0xa0u, 33u}}) {
        put(t.channel, kDevice, head);
        put(t.channel, kLow, sector);
        t.command(0x20);
        CHECK(t.status() == kFailed);
        CHECK(get(t.channel, kError) == 0x10);
    }
}

TEST_CASE("IDE: WRITE SECTORS and WRITE MULTIPLE") {
    Ide t;
    const bool multiple = GENERATE(false, true);
    const size_t block = multiple ? 4 : 1, count = 300;
    std::vector<uint8_t> bytes(count * 512);
    for (size_t i = 0; i < bytes.size(); i++) bytes[i] = static_cast<uint8_t>(i * 13 + i / 512);
    put(t.channel, kCount, 4);
    t.command(0xc6);
    CHECK(t.status() == kReady);
    t.lba48(1000, count);
    t.lines.take_rises(14);
    t.command(multiple ? 0x39 : 0x34);
    CHECK_FALSE(t.interrupt());  // the first block is asked for without
    unsigned interrupts = 0;
    for (size_t i = 0; i < count; i += block) {
        CHECK(get(t.channel, kControl) == kDrq);
        t.give(std::span(bytes).subspan(i * 512, block * 512));
        t.disk.serve();
        interrupts += t.lines.take_rises(14);
        CHECK((t.status() == kDrq) == (i + block < count));
    }
    CHECK(t.status() == kReady);
    CHECK(interrupts == count / block);
    CHECK(t.sectors(1000, count) == bytes);
    CHECK(t.shown_lba() == 1000 + count - 1);
    CHECK(t.disk.flushes == 0);
}

TEST_CASE("IDE: flushes, and writes that must not wait for one") {
    Ide t;
    t.command(0xe7);
    CHECK(t.status() == 0xd0);
    t.disk.serve();
    CHECK(t.status() == kReady);
    CHECK(t.disk.flushes == 1);
    const auto write = [&](unsigned code) {
        t.lba48(3, 1);
        t.command(code);
        t.give(std::vector<uint8_t>(512));
        t.disk.serve();
        CHECK(t.status() == kReady);
    };
    write(0xce);  // FUA
    CHECK(t.disk.flushes == 2);
    write(0x34);
    CHECK(t.disk.flushes == 2);
    put(t.channel, kFeatures, 0x82);
    t.command(0xef);
    t.disk.serve();
    write(0x34);
    CHECK(t.disk.flushes == 4);
}

TEST_CASE("IDE: addresses behind the end, read-only media, unknown commands") {
    Ide t;
    for (auto [lba, count, code] : {std::tuple<uint64_t, unsigned, unsigned>{300000, 1, 0x24},
                                    {299999, 2, 0x24},
                                    {0xffffffffffff, 1, 0x24},
                                    {299999, 2, 0x34},
                                    {1, 0, 0x25}}) {
        if (code == 0x25) lba = 300000 - 65535;
        t.lba48(lba, count);
        t.command(code);
        CHECK(t.status() == kFailed);
        CHECK(get(t.channel, kError) == 0x10);
        CHECK_FALSE(t.disk.waiting());
    }
    t.lba28(299999, 1);
    t.command(0x20);
    t.disk.serve();
    CHECK(t.data(512) == t.sectors(299999, 1));
    for (unsigned code : {0x00u, 0x08u, 0x60u, 0xa0u, 0xa1u, 0xb0u, 0xf8u, 0xffu}) {
        t.command(code);
        CHECK(t.interrupt());
        CHECK(t.status() == kFailed);
        CHECK(get(t.channel, kError) == 4);
    }
    FakeMedium fixed(100, true);
    IdeController ide(IrqLine::none(), IrqLine::none(), t.memory);
    ide.attach_disk(0, fixed);
    put(ide.channel(0), kDevice, 0xe0);
    put(ide.channel(0), kCommand, 0x30);
    CHECK(get(ide.channel(0), kStatus) == kFailed);
}

TEST_CASE("IDE: a sector that the host cannot read ends the command where it is") {
    Ide t;
    t.disk.bad_byte = (1000 + 7) * 512 + 3;
    t.lba48(1000, 20);
    t.command(0x24);
    t.disk.serve();
    for (unsigned i = 0; i < 7; i++) {
        CHECK(t.status() == kDrq);
        CHECK(t.data(512) == t.sectors(1000 + i, 1));
        t.disk.serve();
    }
    CHECK(t.interrupt());
    CHECK(t.status() == kFailed);
    CHECK(get(t.channel, kError) == 0x40);
    CHECK(t.shown_lba() == 1007);
    t.lba48(1000, 20);
    t.command(0x42);  // READ VERIFY finds it too
    t.disk.serve();
    CHECK(t.status() == kFailed);
    t.lba48(1000, 8);
    t.command(0x34);
    t.give(std::vector<uint8_t>(8 * 512));
    t.disk.serve();
    CHECK(t.status() == kFailed);
    CHECK(get(t.channel, kError) == 4);
}

TEST_CASE("IDE: interrupts belong to the selected device, and nIEN holds them back") {
    Ide t;
    put(t.channel, kControl, 2);
    t.command(0xec);
    CHECK_FALSE(t.interrupt());
    put(t.channel, kControl, 0);
    CHECK(t.interrupt());
    put(t.channel, kDevice, 0xb0);
    CHECK_FALSE(t.interrupt());
    put(t.channel, kDevice, 0xa0);
    CHECK(t.interrupt());
    CHECK(t.status() == kDrq);
}

TEST_CASE("IDE: DMA reads into the regions of the list") {
    Ide t;
    t.region(0, 0x20000, 700, false);
    t.region(1, 0x30000, 0, false);  // 64 KiB
    t.region(2, 0x50000, 1024 * 512 - 65536 - 700, true);
    // Several regions for one count of 16 bits.
    for (unsigned n = 2, left = 1024 * 512 - 65536 - 700, at = 0x50000; left; n++) {
        const unsigned piece = std::min(left, 0x8000u);
        t.region(n, at, piece, left == piece);
        at += piece;
        left -= piece;
    }
    t.lba48(2000, 1024);
    t.command(0x25);
    t.disk.serve();
    CHECK(get(t.channel, kControl) == kDrq);  // it waits for the bus master
    CHECK_FALSE(t.interrupt());
    t.start(true);
    CHECK((get(t.master, 2) & 1) == 1);
    t.disk.serve();
    CHECK(t.interrupt());
    CHECK((get(t.master, 2) & 7) == 4);
    CHECK(t.status() == kReady);
    const auto all = t.sectors(2000, 1024);
    CHECK(std::equal(all.begin(), all.begin() + 700, t.memory.bytes.begin() + 0x20000));
    CHECK(std::equal(all.begin() + 700, all.begin() + 700 + 65536, t.memory.bytes.begin() + 0x30000));
    CHECK(std::equal(all.begin() + 700 + 65536, all.end(), t.memory.bytes.begin() + 0x50000));
    put(t.master, 2, 4);
    CHECK((get(t.master, 2) & 7) == 0);
}

TEST_CASE("IDE: DMA writes from memory, started before the command or after it") {
    Ide t;
    const bool before = GENERATE(true, false);
    for (size_t i = 0; i < 8192; i++) t.memory.bytes[0x20000 + i] = static_cast<uint8_t>(i * 3);
    t.region(0, 0x20000, 8192, true);
    if (before) t.start(false);
    t.lba28(50, 16);
    t.command(0xca);
    if (!before) t.start(false);
    t.disk.serve();
    CHECK(t.interrupt());
    CHECK((get(t.master, 2) & 7) == 4);
    CHECK(t.status() == kReady);
    CHECK(t.sectors(50, 16) ==
          std::vector<uint8_t>(t.memory.bytes.begin() + 0x20000, t.memory.bytes.begin() + 0x20000 + 8192));
}

TEST_CASE("IDE: lists that are too long, too short, outside memory, or without end") {
    Ide t;
    t.lba28(50, 16);
    SECTION("too long: still active when the drive is done") {
        t.region(0, 0x20000, 8192, false);
        t.region(1, 0x30000, 8192, true);
        t.command(0xc8);
        t.start(true);
        t.disk.serve();
        CHECK((get(t.master, 2) & 7) == 5);
        CHECK(t.status() == kReady);
    }
    SECTION("too short: no longer active, and no interrupt") {
        t.region(0, 0x20000, 4096, true);
        t.command(0xc8);
        t.start(true);
        t.disk.serve();
        CHECK((get(t.master, 2) & 7) == 0);
        CHECK_FALSE(t.interrupt());
        put(t.channel, kControl, 4);
        put(t.channel, kControl, 0);
        CHECK(t.status() == kReady);
    }
    SECTION("a region outside memory") {
        t.region(0, 0xfffff000, 8192, true);
        t.command(0xc8);
        t.start(true);
        t.disk.serve();
        CHECK((get(t.master, 2) & 7) == 6);
        CHECK(t.status() == kFailed);
        CHECK(get(t.channel, kError) == 0x84);
    }
    SECTION("the list outside memory") {
        t.command(0xca);
        t.master.write(4, 4, 0x80000000);
        put(t.master, 0, 1);
        CHECK((get(t.master, 2) & 7) == 6);
        CHECK(t.status() == kFailed);
    }
    SECTION("regions of two bytes, up to the end of the list's 64 KiB") {
        for (unsigned n = 0; n < 0x2000; n++) t.region(n, 0x40000, 2, false);
        t.lba28(50, 64);
        t.command(0xc8);
        t.start(true);
        t.disk.serve();
        CHECK((get(t.master, 2) & 3) == 0);
        CHECK_FALSE(t.interrupt());
    }
    SECTION("the wrong direction: nothing moves") {
        t.region(0, 0x20000, 8192, true);
        t.command(0xc8);
        t.start(false);
        t.disk.serve();
        CHECK((get(t.master, 2) & 7) == 1);
        CHECK_FALSE(t.interrupt());
    }
    SECTION("stopped by the guest") {
        t.region(0, 0x20000, 8192, true);
        t.command(0xc8);
        t.start(true);
        put(t.master, 0, 8);
        t.disk.serve();
        CHECK((get(t.master, 2) & 7) == 0);
        CHECK_FALSE(t.interrupt());
    }
    CHECK_FALSE(t.disk.outside);
}

TEST_CASE("IDE: a disk that failed behind a longer transfer is in a state that a snapshot may have") {
    Ide t;
    t.lba28(0, 2);
    t.command(0x20);
    t.disk.serve();
    t.data(512);
    t.disk.serve();
    t.data(512);
    t.disk.bad_byte = 0;
    t.lba28(0, 1);
    t.command(0x20);
    t.disk.serve();
    CHECK(t.status() == kFailed);
    const auto* disk = dynamic_cast<const AtaDisk*>(t.channel.unit(0));
    REQUIRE(disk);
    auto state = disk->state();
    std::vector<uint8_t> bytes;
    state::Writer(bytes).value("", state);
    state::Reader reader(bytes, "disk");
    CHECK_NOTHROW(reader.value("", state));
}

TEST_CASE("IDE: a restored command that reaches behind its disk ends there") {
    for (const unsigned code : {0x20u, 0x30u}) {  // READ SECTORS, WRITE SECTORS
        Ide t;
        FakeMedium small{100};
        IdeController other{IrqLine(t.lines, 14), IrqLine(t.lines, 15), t.memory};
        AtaDisk& restored = other.attach_disk(0, small);
        t.lba28(90, 200);
        t.command(code);
        t.disk.serve();
        restored.restore(t.drive.state());
        IdeChannel& channel = other.channel(0);
        for (size_t n = 0; n < 400 * 512 && get(channel, 8) & 8; n += 2) {
            code == 0x30 ? channel.write(0, 2, 0) : static_cast<void>(channel.read(0, 2));
            small.serve();
        }
        CHECK_FALSE(small.outside);
        if (code == 0x30) CHECK(get(channel, kStatus) == kFailed);
    }
}

TEST_CASE("IDE: states that no disk can be in are refused") {
    Ide t;
    const auto refused = [&](auto change) {
        AtaDisk::State s = t.drive.state();
        change(s);
        std::vector<uint8_t> bytes;
        state::Writer(bytes).value("", s);
        AtaDisk::State read;
        try {
            state::Reader(bytes, "a disk").value("", read);
        } catch (const HostError&) {
            return true;
        }
        return false;
    };
    CHECK_FALSE(refused([](AtaDisk::State&) {}));
    CHECK(refused([](AtaDisk::State& s) { s.disk.heads = 0; }));
    CHECK(refused([](AtaDisk::State& s) { s.disk.sectors_per_track = 0; }));
    CHECK(refused([](AtaDisk::State& s) { s.disk.multiple = 17; }));
    CHECK(refused([](AtaDisk::State& s) { s.disk.command.remaining = 1; }));  // in chunks of nothing
}
