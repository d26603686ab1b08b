// The floppy controller and the DMA controllers at register level, as the 82077AA's and the 8237A's data sheets have
// them.
#include <catch2/catch.hpp>

#include "devices/floppy/floppy_controller.h"
#include "test/unit/devices/fake_medium.h"
#include "test/unit/devices/support.h"

using namespace ringfold;

namespace {

constexpr unsigned kDor = 2, kMain = 4, kData = 5, kDir = 7;
constexpr unsigned kToMemory = 0x46, kFromMemory = 0x4a;  // modes of DMA channel 2

struct Floppy {
    FakeMedium disk{2880};
    FlatMemory memory{1 << 20};
    WatchedLines lines;
    Dma8237 dma{memory};
    FloppyController fdc{IrqLine(lines, 6), dma};

    Floppy() {
        fdc.attach(0, disk);
        put(fdc, kDor, 0x1c);
        CHECK(lines.level(6));
        for (unsigned drive = 0; drive < 4; drive++) CHECK(command({8}) == std::vector<unsigned>{0xc0 | drive, 0});
        CHECK_FALSE(lines.level(6));
        CHECK(command({8}) == std::vector<unsigned>{0x80});
        command({3, 0xdf, 0x02});
    }
    // Gives a command, and takes its result if there is one.
    std::vector<unsigned> command(std::vector<unsigned> bytes) {
        for (unsigned b : bytes) {
            CHECK((get(fdc, kMain) & 0xc0) == 0x80);
            put(fdc, kData, b);
        }
        disk.serve();
        return result();
    }
    std::vector<unsigned> result() {
        std::vector<unsigned> bytes;
        while ((get(fdc, kMain) & 0xf0) == 0xd0) bytes.push_back(get(fdc, kData));
        return bytes;
    }
    void seek(unsigned track) {
        command({0x0f, 0, track});
        CHECK(lines.level(6));
        CHECK(command({8}) == std::vector<unsigned>{0x20, track});
    }
    void program_dma(unsigned mode, uint32_t address, unsigned bytes) {
        put(dma, 10, 6);
        put(dma, 12, 0);
        put(dma, 11, mode);
        put(dma, 4, address & 0xff);
        put(dma, 4, address >> 8 & 0xff);
        put(dma, 5, (bytes - 1) & 0xff);
        put(dma, 5, (bytes - 1) >> 8);
        put(dma, 48 + 1, address >> 16);
        put(dma, 10, 2);
    }
    bool holds(size_t sector, uint32_t address, size_t bytes) const {
        return std::equal(disk.bytes.begin() + static_cast<long>(sector * 512),
                          disk.bytes.begin() + static_cast<long>(sector * 512 + bytes), memory.bytes.begin() + address);
    }
};

using Bytes = std::vector<unsigned>;

}  // namespace

TEST_CASE("floppy: READ DATA by DMA ends with the terminal count") {
    Floppy t;
    t.seek(3);
    t.program_dma(kToMemory, 0x23400, 5 * 512);
    CHECK(t.command({0xe6, 4, 3, 1, 7, 2, 18, 0x1b, 0xff}) == Bytes{4, 0, 0, 3, 1, 12, 2});
    CHECK(t.holds((3 * 2 + 1) * 18 + 6, 0x23400, 5 * 512));
    CHECK(get(t.dma, 8) == 4);  // the terminal count, until it is read
    CHECK(get(t.dma, 8) == 0);
    CHECK((get(t.dma, 15) & 4) == 4);
}

TEST_CASE("floppy: a multitrack read goes on on the other side") {
    Floppy t;
    t.program_dma(kToMemory, 0x10000, 36 * 512);
    CHECK(t.command({0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff}) == Bytes{0, 0, 0, 1, 0, 1, 2});
    CHECK(t.holds(0, 0x10000, 36 * 512));
    t.program_dma(kToMemory, 0x10000, 0x10000);
    CHECK(t.command({0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff}) == Bytes{0x40, 0x80, 0, 1, 0, 1, 2});
    // Without: the end of the track is the end.
    t.program_dma(kToMemory, 0x10000, 36 * 512);
    CHECK(t.command({0x46, 0, 0, 0, 1, 2, 18, 0x1b, 0xff}) == Bytes{0x40, 0x80, 0, 1, 0, 1, 2});
}

TEST_CASE("floppy: WRITE DATA by DMA; a count within a sector is filled up with zeros") {
    Floppy t;
    for (size_t i = 0; i < 2048; i++) t.memory.bytes[0x8000 + i] = static_cast<uint8_t>(i * 5 + 1);
    t.program_dma(kFromMemory, 0x8000, 1300);
    CHECK(t.command({0x45, 0, 0, 0, 2, 2, 18, 0x1b, 0xff}) == Bytes{0, 0, 0, 0, 0, 5, 2});
    CHECK(t.holds(1, 0x8000, 1300));
    CHECK(std::all_of(t.disk.bytes.begin() + 512 + 1300, t.disk.bytes.begin() + 512 * 4,
                      [](uint8_t b) { return b == 0; }));
}

TEST_CASE("floppy: what is not on the disk") {
    Floppy t;
    t.program_dma(kToMemory, 0x10000, 512);
    CHECK(t.command({0x46, 0, 0, 0, 19, 2, 18, 0, 0xff}) == Bytes{0x40, 4, 0, 0, 0, 19, 2});   // no such sector
    CHECK(t.command({0x46, 0, 5, 0, 1, 2, 18, 0, 0xff}) == Bytes{0x40, 4, 0x10, 5, 0, 1, 2});  // another cylinder
    CHECK(t.command({0x46, 0, 0, 0, 1, 3, 18, 0, 0xff}) == Bytes{0x40, 4, 0, 0, 0, 1, 2});     // another size
    CHECK(t.command({0x46, 1, 0, 0, 1, 2, 18, 0, 0xff}) == Bytes{0x41, 1, 0, 0, 0, 1, 2});     // no such drive
    put(t.fdc, kDir, 2);                                                                       // another data rate
    CHECK(t.command({0x46, 0, 0, 0, 1, 2, 18, 0, 0xff}) == Bytes{0x40, 1, 0, 0, 0, 1, 2});
    CHECK(t.command({0x4a, 0}) == Bytes{0x40, 1, 0, 0, 0, 1, 2});
    put(t.fdc, kDir, 0);
    CHECK(t.command({0x4a, 0})[0] == 0);
    t.disk.bad_byte = 100;
    CHECK(t.command({0x46, 0, 0, 0, 1, 2, 18, 0, 0xff})[0] == 0x40);
    CHECK(t.command({0x1f}) == Bytes{0x80});
    CHECK(t.command({0x10}) == Bytes{0x90});
}

TEST_CASE("floppy: a write-protected disk") {
    FakeMedium disk(2880, true);
    Floppy t;
    t.fdc.attach(1, disk);
    CHECK(t.command({0x45, 1, 0, 0, 1, 2, 18, 0, 0xff}) == Bytes{0x41, 2, 0, 0, 0, 1, 2});
    CHECK(t.command({4, 1}) == Bytes{0x20 | 0x40 | 0x10 | 8 | 1});
    CHECK(t.command({4, 0}) == Bytes{0x20 | 0x10 | 8});
}

TEST_CASE("floppy: FORMAT TRACK fills the sectors that it is told") {
    Floppy t;
    t.seek(7);
    for (unsigned i = 0; i < 18; i++)
        for (unsigned n = 0; n < 4; n++)
            t.memory.bytes[0x4000 + 4 * i + n] = static_cast<uint8_t>(std::array{7u, 1u, i * 5 % 18 + 1, 2u}[n]);
    t.program_dma(kFromMemory, 0x4000, 72);
    const auto before = t.disk.bytes;
    CHECK(t.command({0x4d, 4, 2, 18, 0x54, 0xf6})[0] == 4);
    for (size_t i = 0; i < before.size(); i++) {
        const bool formatted = i / 512 / 18 == 15;
        if (t.disk.bytes[i] != (formatted ? 0xf6 : before[i])) FAIL("byte " << i);
    }
}

TEST_CASE("floppy: the change line goes with a step, while a disk is in the drive") {
    Floppy t;
    CHECK(get(t.fdc, kDir) == 0x80);
    t.seek(0);
    CHECK(get(t.fdc, kDir) == 0x80);
    t.seek(1);
    CHECK(get(t.fdc, kDir) == 0);
    t.disk.change({});
    CHECK(get(t.fdc, kDir) == 0x80);
    t.seek(0);
    CHECK(get(t.fdc, kDir) == 0x80);
    t.disk.change(std::vector<uint8_t>(2880 * 512));
    t.seek(1);
    CHECK(get(t.fdc, kDir) == 0);
    put(t.fdc, kDor, 0x0c);  // the motor is off
    CHECK(get(t.fdc, kDir) == 0);
}

TEST_CASE("floppy: RECALIBRATE, on a drive that is there and one that is not") {
    Floppy t;
    t.seek(40);
    t.command({7, 0});
    CHECK(t.command({8}) == Bytes{0x20, 0});
    t.command({7, 1});
    CHECK(t.command({8}) == Bytes{0x71, 0});
}

TEST_CASE("floppy: without DMA, byte by byte") {
    Floppy t;
    t.command({3, 0xdf, 0x03});
    for (unsigned b : {0x46, 0, 0, 0, 18, 2, 18, 0x1b, 0xff}) put(t.fdc, kData, b);
    CHECK(get(t.fdc, kMain) == 0x10);
    t.disk.serve();
    CHECK(t.lines.level(6));
    for (size_t i = 0; i < 512; i++) {
        REQUIRE(get(t.fdc, kMain) == 0xf0);
        REQUIRE(get(t.fdc, kData) == t.disk.bytes[17 * 512 + i]);
    }
    CHECK(t.result() == Bytes{0x40, 0x80, 0, 1, 0, 1, 2});
}

TEST_CASE("floppy: DMA that is programmed after the command, and DMA outside memory") {
    Floppy t;
    for (unsigned b : {0x46, 0, 0, 0, 1, 2, 18, 0x1b, 0xff}) put(t.fdc, kData, b);
    t.disk.serve();
    CHECK(get(t.fdc, kMain) == 0x10);
    t.program_dma(kToMemory, 0x10000, 512);
    CHECK(t.result() == Bytes{0, 0, 0, 0, 0, 2, 2});
    CHECK(t.holds(0, 0x10000, 512));
    t.memory.bytes.resize(0x20000);
    t.program_dma(kToMemory, 0x1ff000, 512);
    CHECK(t.command({0x46, 0, 0, 0, 1, 2, 18, 0x1b, 0xff}) == Bytes{0x40, 0x10, 0, 0, 0, 1, 2});
    // Within a page of 64 KiB the address wraps.
    t.program_dma(kToMemory, 0x1fe00, 1024);
    CHECK(t.command({0x46, 0, 0, 0, 1, 2, 18, 0x1b, 0xff})[0] == 0);
    CHECK(t.holds(0, 0x1fe00, 512));
    CHECK(std::equal(t.disk.bytes.begin() + 512, t.disk.bytes.begin() + 1024, t.memory.bytes.begin() + 0x10000));
}

TEST_CASE("floppy: formats by the image's size") {
    for (auto [sectors, per_track, type] : {std::tuple{720u, 9, FloppyDriveType::K360},
                                            {1440u, 9, FloppyDriveType::M1_44},
                                            {2400u, 15, FloppyDriveType::M1_2},
                                            {2880u, 18, FloppyDriveType::M1_44},
                                            {5760u, 36, FloppyDriveType::M2_88},
                                            {1u, 18, FloppyDriveType::M1_44}}) {
        const auto g = floppy_geometry(sectors);
        REQUIRE(g);
        CHECK(g->sectors == per_track);
        CHECK(g->drive == type);
    }
    CHECK_FALSE(floppy_geometry(5761));
}

TEST_CASE("DMA: registers, and a channel that counts down and starts again") {
    FlatMemory memory(1 << 20);
    Dma8237 dma(memory);
    put(dma, 12, 0);
    for (unsigned b : {0x34, 0x12}) put(dma, 4, b);
    CHECK(get(dma, 4) == 0x34);
    CHECK(get(dma, 4) == 0x12);
    for (unsigned b : {3, 0}) put(dma, 5, b);
    put(dma, 11, 0x46 | 0x30);
    put(dma, 48 + 1, 2);
    put(dma, 14, 0);
    const std::vector<uint8_t> bytes{1, 2, 3, 4, 5, 6};
    auto moved = dma.to_memory(2, bytes);
    CHECK(moved.bytes == 4);
    CHECK(moved.terminal_count);
    for (unsigned i = 0; i < 4; i++) CHECK(memory.bytes[0x21234 - i] == bytes[i]);
    moved = dma.to_memory(2, std::span(bytes).first(2));
    CHECK(moved.bytes == 2);
    CHECK_FALSE(moved.terminal_count);
    put(dma, 13, 0);
    CHECK(dma.to_memory(2, bytes).bytes == 0);
    // The second controller, at every other port.
    put(dma, 16 + 8, 0x55);
    put(dma, 16 + 8, 0xaa);
    CHECK(get(dma, 16 + 9) == 0x55);
    CHECK(get(dma, 16 + 8) == 0xaa);
}

TEST_CASE("floppy: a transfer that is restored where its disk is not ends with an error") {
    Floppy t;
    put(t.dma, 10, 6);  // the channel is masked
    for (unsigned b : {0x45, 0, 0, 0, 1, 2, 18, 0x1b, 0xff}) put(t.fdc, kData, b);
    FloppyController::State s = t.fdc.state();
    REQUIRE(s.phase == FloppyController::Phase::FromGuest);
    for (const unsigned how : {0u, 1u, 2u, 3u}) {
        Floppy other;
        FloppyController::State r = s;
        if (how == 0) other.disk.change({});
        if (how == 1) r.transfer.drive = 3;
        if (how == 2) r.transfer.sector = 19;
        if (how == 3) r.buffer.resize(512 * 40);
        other.fdc.restore(r);
        other.program_dma(kFromMemory, 0x2000, 512);
        other.disk.serve();
        CHECK_FALSE(other.disk.outside);
        if (how < 3) CHECK((other.result().at(0) & 0xc0) == 0x40);
    }
}
