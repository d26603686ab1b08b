// Random guests against disks, a CD-ROM drive, floppies and their DMA: registers in any order, media that come late, fail or
// are exchanged. No request leaves its medium, nothing is written to what is read-only, and each device goes on the same
// from its saved state, which the format's own checks accept.
#include <random>

#include <catch2/catch.hpp>

#include "devices/floppy/floppy_controller.h"
#include "devices/ide/ata_disk.h"
#include "devices/ide/atapi_cdrom.h"
#include "devices/ide/ide_controller.h"
#include "test/unit/devices/fake_medium.h"
#include "test/unit/devices/support.h"
#include "vmm/base/state/reader.h"
#include "vmm/base/state/writer.h"

using namespace ringfold;

namespace {

constexpr size_t kDisc = 4 * 300, kFloppy = 2880;

struct Drives {
    Drives() {
        disks[0] = &ide.attach_disk(0, disk);
        disks[1] = &ide.attach_disk(1, small);
        cdrom = &ide.attach_cdrom(2, disc);
        fdc.attach(0, floppy);
        fdc.attach(1, kept);
    }
    void serve() {
        for (FakeMedium* m : media) m->serve();
    }
    bool quiet() const { return disks[0]->quiet() && disks[1]->quiet() && cdrom->quiet() && fdc.quiet(); }
    void copy_state_of(Drives& other);

    FakeMedium disk{5000}, small{100}, disc{kDisc, true}, floppy{kFloppy}, kept{kFloppy, true};
    std::array<FakeMedium*, 5> media{&disk, &small, &disc, &floppy, &kept};
    FlatMemory memory{1 << 20};
    WatchedLines lines;
    IdeController ide{IrqLine(lines, 14), IrqLine(lines, 15), memory};
    Dma8237 dma{memory};
    FloppyController fdc{IrqLine(lines, 6), dma};
    std::array<AtaDisk*, 2> disks{};
    AtapiCdrom* cdrom = nullptr;
};

// By way of bytes, as a snapshot does it: what `require` refuses is a state that no guest may bring about.
template <class D>
void copy(D& to, const D& from) {
    auto state = from.state();
    std::vector<uint8_t> bytes;
    state::Writer(bytes).value("", state);
    std::remove_cvref_t<decltype(state)> read{};
    state::Reader reader(bytes, "a drive");
    reader.value("", read);
    reader.end();
    to.restore(read);
}

void Drives::copy_state_of(Drives& other) {
    copy(dma, other.dma);
    for (size_t n = 0; n < 2; ++n) copy(*disks[n], *other.disks[n]);
    copy(*cdrom, *other.cdrom);
    for (unsigned n = 0; n < 2; ++n) {
        copy(ide.bus_master(n), other.ide.bus_master(n));
        copy(ide.channel(n), other.ide.channel(n));
    }
    copy(fdc, other.fdc);
    for (size_t n = 0; n < media.size(); ++n) media[n]->bytes = other.media[n]->bytes;
    memory.bytes = other.memory.bytes;
}

constexpr uint8_t kAtaCommands[] = {0x20, 0x24, 0x25, 0x29, 0x30, 0x34, 0x35, 0x39, 0xc4, 0xc5, 0xc6, 0xc8, 0xca, 0xe7, 0xea,
                                    0xec, 0xa1, 0xa0, 0x08, 0x90, 0xef, 0x40, 0x70, 0x91, 0xe0, 0xe5, 0xf8, 0x27};
constexpr uint8_t kPackets[] = {0x00, 0x03, 0x12, 0x1b, 0x1e, 0x25, 0x28, 0xa8, 0xbe, 0x42, 0x43, 0x44, 0x46, 0x4a, 0x51, 0x52, 0x5a, 0xad, 0xbd};
constexpr unsigned kFloppyRegisters[] = {2, 3, 4, 5, 7};
constexpr uint8_t kFloppyCommands[] = {0xe6, 0x46, 0xc5, 0x45, 0x4d, 0x4a, 0x0f, 0x07, 0x08, 0x03, 0x04, 0x13, 0x14, 0x10, 0x0e, 0x16, 0x42, 0x8f, 0xcf, 0x94};

template <class T, size_t N>
T one_of(const T (&list)[N], uint32_t r) {
    return list[r % N];
}

void ata_event(Drives& d, uint32_t r, uint32_t value) {
    IdeChannel& channel = d.ide.channel(r >> 8 & 1);
    switch (r >> 9 & 7) {
        case 0:
            return put(channel, 7, r & 0x10000 ? value & 0xff : one_of(kAtaCommands, value));
        case 1:
            return put(channel, 6, (value & 0x10) | 0xe0);
        case 2: {  // a packet, whole
            put(channel, 1, value & 1);
            put(channel, 4, value >> 8 & 0xff), put(channel, 5, value >> 16 & 0x1f);
            put(channel, 7, 0xa0);
            for (unsigned n = 0; n < 6; ++n)
                channel.write(0, 2, n ? (value * (n + 3) >> n & (r & 0x20000 ? 0xffff : 0x0101)) : one_of(kPackets, value >> 4) | (r >> 8 & 0xff00));
            return;
        }
        case 3:
            return put(channel, 2 + (r >> 12 & 3), value & (r & 0x10000 ? 0xff : 0x0f));
        case 4:
            return put(channel, 8, value & (r & 0x70000 ? 0x82 : 0x86));
        case 5: {  // a write near the beginning, and most of its data
            static constexpr uint8_t kWrites[] = {0x30, 0x34, 0xc5, 0xca, 0x35};
            put(channel, 8, 0);
            put(channel, 6, (value & 0x10) | 0xe0);
            put(channel, 2, 1 + (value & 3));
            put(channel, 3, value >> 8 & 0x7f), put(channel, 4, 0), put(channel, 5, 0);
            put(channel, 7, one_of(kWrites, value >> 16));
            d.serve();
            for (unsigned n = 0; n < (value >> 20 & 0x7ff); ++n) channel.write(0, 2, value * n);
            return;
        }
        default:
            for (unsigned n = 0; n < (value >> 16 & 0x1ff); ++n) channel.write(0, 1u << value % 3, value * n);
    }
}

void floppy_event(Drives& d, uint32_t r, uint32_t value) {
    switch (r >> 9 & 7) {
        case 0:
            return put(d.fdc, 2, r & 0x10000 ? 0x1c | (value & 1) | 0x10u << (value & 1) : value & 0xff);
        case 1:
        case 2:  // a whole command, mostly with what is on the disk
            put(d.fdc, 5, one_of(kFloppyCommands, value));
            for (unsigned n = 1; n < 9; ++n) {
                const unsigned usual[] = {0, value & 5, value >> 8 & 3, value & 1, 1 + (value >> 10 & 15), 2, 18, 0x1b, 0xff};
                put(d.fdc, 5, r & 0x70000 ? usual[n] : value * n & 0xff);
            }
            return;
        case 3:
            return put(d.fdc, 5, value & 0xff);
        case 4:
            return put(d.fdc, one_of(kFloppyRegisters, r >> 16), value & (r & 0x10000 ? 3 : 0xff));
        default: {
            static constexpr unsigned kDma[] = {4, 5, 8, 9, 10, 11, 12, 13, 14, 15, 49};
            return put(d.dma, r & 0x10000 ? one_of(kDma, r >> 12) : r >> 12 & 63, value & 0xff);
        }
    }
}

uint64_t event(Drives& d, uint32_t r, uint32_t value) {
    switch (r % 16) {
        case 0:
            d.serve();
            break;
        case 1: {  // lists of memory, some of them not memory
            BusMaster& master = d.ide.bus_master(r >> 8 & 1);
            for (uint32_t n = 0; n < 4; ++n) {
                d.memory.put32(0x1000 + 8 * n, value * (n + 1) & (r & 0x1000 ? 0xffffe : 0xfffffffe));
                d.memory.put32(0x1004 + 8 * n, (value >> n & 0xfffe) | (n == 3 || r >> (16 + n) & 1 ? 0x80000000 : 0));
            }
            master.write(4, 4, r & 0x7000 ? 0x1000 : value);
            put(master, 0, value & 8);
            put(master, 0, (value & 8) | 1);
            break;
        }
        case 2:
            d.ide.write(r >> 8 & 15, 1u << (r >> 16) % 3, value);
            break;
        case 3:
            d.media[(r >> 8) % 5]->bad_byte = value & 1 ? UINT64_MAX : value % 100'000;
            break;
        case 4:
            if (r & 0xf00) break;
            d.serve();
            if (value & 1)
                d.disc.change(std::vector<uint8_t>(value & 2 ? kDisc * 512 : 0, 0x5a));
            else
                d.floppy.change(std::vector<uint8_t>(value & 2 ? kFloppy * 512 : 0, 0xa5));
            break;
        case 5:
        case 6:
            return d.ide.channel(r >> 8 & 1).read(r >> 9 & 15, 1u << (r >> 16) % 3);
        case 7:
            return get(d.fdc, r >> 8 & 7) | get(d.dma, r >> 12 & 63) << 8 | d.ide.read(r >> 20 & 15, 1) << 16;
        case 8:
            for (unsigned n = 0; n < (value & 0x3ff); ++n) d.ide.channel(r >> 8 & 1).read(0, 2);
            break;
        case 9:
        case 10:
        case 11:
            floppy_event(d, r, value);
            break;
        default:
            ata_event(d, r, value);
    }
    return d.lines.level(14) | d.lines.level(15) << 1 | d.lines.level(6) << 2;
}

void check(const Drives& d, const Drives& untouched) {
    for (const FakeMedium* m : d.media) REQUIRE_FALSE(m->outside);
    const bool kept = d.kept.bytes == untouched.kept.bytes;
    REQUIRE(kept);
}

}  // namespace

TEST_CASE("random guests against the drives") {
    const unsigned seed = GENERATE(range(1u, 13u));
    CAPTURE(seed);
    std::mt19937 random(seed);
    Drives a, b;
    const Drives untouched;
    for (int round = 0; round < 60; ++round) {
        for (int i = 0; i < 300; ++i) {
            const uint32_t r = random(), value = random();
            event(a, r, value);
        }
        check(a, untouched);
        a.serve();
        if (!a.quiet()) continue;
        b.copy_state_of(a);
        b.lines = a.lines;
        for (size_t n = 0; n < a.media.size(); ++n) b.media[n]->bad_byte = a.media[n]->bad_byte;
        for (int i = 0; i < 60; ++i) {
            const uint32_t r = random(), value = random();
            CAPTURE(round, i, r, value);
            REQUIRE(event(a, r, value) == event(b, r, value));
            a.serve();
            b.serve();
        }
        bool same = a.memory.bytes == b.memory.bytes;
        for (size_t n = 0; n < a.media.size(); ++n) same = same && a.media[n]->bytes == b.media[n]->bytes;
        REQUIRE(same);
    }
    // It does get there.
    const bool written = a.disk.bytes != untouched.disk.bytes, floppy_written = a.floppy.bytes != untouched.floppy.bytes;
    CHECK(written);
    CHECK(floppy_written);
}
