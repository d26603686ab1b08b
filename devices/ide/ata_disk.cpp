// Commands of a disk (ATA-6, chapter 8). Between the medium and its buffer a disk moves chunks of many sectors; between
// buffer and guest, blocks of one or a few.
#include "devices/ide/ata_disk.h"

#include <algorithm>
#include <optional>

namespace ringfold {

namespace {

constexpr uint32_t kSector = 512;
constexpr uint32_t kMaxChunk = 256;  // sectors: 128 KiB, so that no command holds much memory
constexpr uint8_t kMaxMultiple = 16;
constexpr uint8_t kLba = 0x40;  // in the device register

struct TransferCommand {
    uint8_t code;
    bool write, dma, wide, multiple, verify, durable;
};

constexpr TransferCommand kTransfers[] = {
    // code write  dma    wide   multi  verify durable
    {0x20, false, false, false, false, false, false},  // READ SECTORS
    {0x21, false, false, false, false, false, false},
    {0x24, false, false, true, false, false, false},  // READ SECTORS EXT
    {0x25, false, true, true, false, false, false},   // READ DMA EXT
    {0x29, false, false, true, true, false, false},   // READ MULTIPLE EXT
    {0x30, true, false, false, false, false, false},  // WRITE SECTORS
    {0x31, true, false, false, false, false, false},
    {0x34, true, false, true, false, false, false},   // WRITE SECTORS EXT
    {0x35, true, true, true, false, false, false},    // WRITE DMA EXT
    {0x39, true, false, true, true, false, false},    // WRITE MULTIPLE EXT
    {0x3d, true, true, true, false, false, true},     // WRITE DMA FUA EXT
    {0x40, false, false, false, false, true, false},  // READ VERIFY SECTORS
    {0x41, false, false, false, false, true, false},
    {0x42, false, false, true, false, true, false},   // READ VERIFY SECTORS EXT
    {0xc4, false, false, false, true, false, false},  // READ MULTIPLE
    {0xc5, true, false, false, true, false, false},   // WRITE MULTIPLE
    {0xc8, false, true, false, false, false, false},  // READ DMA
    {0xc9, false, true, false, false, false, false},
    {0xca, true, true, false, false, false, false},  // WRITE DMA
    {0xcb, true, true, false, false, false, false},
    {0xce, true, false, true, true, false, true},  // WRITE MULTIPLE FUA EXT
};

}  // namespace

AtaDisk::AtaDisk(Cable& cable, block::BlockDevice& medium, std::string serial)
    : IdeUnit(cable), medium_(medium), serial_(std::move(serial)), sectors_(medium.medium().value().sectors()) {
    default_translation();
    reset();
}

AtaDisk::~AtaDisk() {
    medium_.cancel();
}

void AtaDisk::restore(const State& s) {
    state_ = s.disk;
    restore_unit(s.unit);
}

void AtaDisk::signature() {
    task().count = task().lba_low = 1;
    task().lba_mid = task().lba_high = 0;
    task().status = kDrdy | kDsc;
    state_.command = {};
}

void AtaDisk::execute(uint8_t code) {
    if (!execute_transfer(code)) execute_other(code);
}

// --- addresses ---------------------------------------------------------------------------------------------------

void AtaDisk::default_translation() {
    state_.heads = 16;
    state_.sectors_per_track = 63;
    state_.cylinders = static_cast<uint16_t>(std::clamp<uint64_t>(sectors_ / (16 * 63), 1, 16383));
}

// The first sector of a command; none if there is no such address.
std::optional<uint64_t> AtaDisk::address(bool wide) const {
    const TaskFile& r = regs();
    const auto low = [](uint16_t reg) { return uint64_t{reg} & 0xff; };
    const auto high = [](uint16_t reg) { return uint64_t{reg} >> 8; };
    const uint64_t three = low(r.lba_low) | low(r.lba_mid) << 8 | low(r.lba_high) << 16;
    if (wide) return three | high(r.lba_low) << 24 | high(r.lba_mid) << 32 | high(r.lba_high) << 40;
    if (r.device & kLba) return three | uint64_t{r.device & 0xfu} << 24;
    const uint64_t cylinder = low(r.lba_mid) | low(r.lba_high) << 8, head = r.device & 0xf, sector = low(r.lba_low);
    if (sector == 0 || sector > state_.sectors_per_track || head >= state_.heads) return std::nullopt;
    return (cylinder * state_.heads + head) * state_.sectors_per_track + sector - 1;
}

void AtaDisk::show_address(uint64_t lba) {
    TaskFile& r = task();
    const auto byte = [](uint64_t value, unsigned n) { return static_cast<uint16_t>(value >> (8 * n) & 0xff); };
    if (state_.command.wide) {
        r.lba_low = static_cast<uint16_t>(byte(lba, 0) | byte(lba, 3) << 8);
        r.lba_mid = static_cast<uint16_t>(byte(lba, 1) | byte(lba, 4) << 8);
        r.lba_high = static_cast<uint16_t>(byte(lba, 2) | byte(lba, 5) << 8);
        return;
    }
    uint64_t cylinder = lba >> 8, sector = lba & 0xff, head = lba >> 24 & 0xf;
    if (!(r.device & kLba)) {
        sector = lba % state_.sectors_per_track + 1;
        head = lba / state_.sectors_per_track % state_.heads;
        cylinder = lba / state_.sectors_per_track / state_.heads;
    }
    r.lba_low = byte(sector, 0);
    r.lba_mid = byte(cylinder, 0);
    r.lba_high = byte(cylinder, 1);
    r.device = static_cast<uint8_t>((r.device & 0xf0) | head);
}

// Zero means as many as the register cannot say.
uint32_t AtaDisk::sector_count(bool wide) const {
    const uint16_t count = regs().count;
    if (wide) return count ? count : 65536;
    return count & 0xff ? count & 0xff : 256;
}

// --- transfers ---------------------------------------------------------------------------------------------------

bool AtaDisk::execute_transfer(uint8_t code) {
    const auto found = std::ranges::find(kTransfers, code, &TransferCommand::code);
    if (found == std::end(kTransfers)) return false;
    if (found->multiple && state_.multiple == 0) {
        fail(kAbrt);
        return true;
    }
    begin({.write = found->write,
           .dma = found->dma,
           .wide = found->wide,
           .verify = found->verify,
           .durable = found->durable || !state_.write_cache,
           .block = found->multiple ? state_.multiple : 1u,
           .chunk_limit = kMaxChunk});
    return true;
}

void AtaDisk::begin(Command command) {
    command.lba = address(command.wide).value_or(sectors_);  // behind the disk, where there is no such address
    command.remaining = sector_count(command.wide);
    state_.command = command;
    if (!on_disk()) return fail(kIdnf);
    if (!command.write) return read_chunk();
    if (medium_.medium()->read_only) return fail(kAbrt);
    prepare_write();
}

bool AtaDisk::on_disk() const {
    return state_.command.lba <= sectors_ && state_.command.remaining <= sectors_ - state_.command.lba;
}

uint32_t AtaDisk::chunk_sectors() const {
    return std::min(state_.command.remaining, state_.command.chunk_limit);
}

// A restored command may have begun on a larger disk: each chunk asks again.
void AtaDisk::read_chunk() {
    if (!on_disk()) return fail(kIdnf);
    wait();
    buffer().resize(size_t{chunk_sectors()} * kSector);
    medium_.read(state_.command.lba * kSector, buffer(), [this](bool ok) { chunk_was_read(ok); });
}

void AtaDisk::chunk_was_read(bool ok) {
    Command& c = state_.command;
    if (!ok) {
        if (chunk_sectors() == 1) return medium_failed();
        c.chunk_limit = 1;  // one by one to the sector that is bad
        return read_chunk();
    }
    const uint32_t sectors = chunk_sectors();
    c.lba += sectors;
    c.remaining -= sectors;
    if (c.verify) return c.remaining ? read_chunk() : complete();
    if (c.dma) return send_by_dma();
    offer(0, size_t{c.block} * kSector);
}

void AtaDisk::block_read() {
    const Command& c = state_.command;
    if (position() < buffer().size()) return offer(position(), size_t{c.block} * kSector);
    if (c.remaining) return read_chunk();
    if (c.lba) show_address(c.lba - 1);  // IDENTIFY has none
}

void AtaDisk::prepare_write() {
    const Command& c = state_.command;
    buffer().resize(size_t{chunk_sectors()} * kSector);
    if (c.dma) return fetch_by_dma();
    // The first block is asked for without an interrupt.
    demand(0, size_t{c.block} * kSector, c.lba != address(c.wide));
}

void AtaDisk::block_written() {
    if (position() < buffer().size()) return demand(position(), size_t{state_.command.block} * kSector, true);
    write_chunk();
}

void AtaDisk::dma_done() {
    if (state_.command.write) return write_chunk();
    if (state_.command.remaining) return read_chunk();
    complete();
}

void AtaDisk::write_chunk() {
    if (!on_disk() || buffer().size() != size_t{chunk_sectors()} * kSector) return fail(kIdnf);
    wait();
    medium_.write(state_.command.lba * kSector, buffer(), [this](bool ok) { chunk_was_written(ok); });
}

void AtaDisk::chunk_was_written(bool ok) {
    if (!ok) return medium_failed();
    Command& c = state_.command;
    const uint32_t sectors = chunk_sectors();
    c.lba += sectors;
    c.remaining -= sectors;
    if (c.remaining) return prepare_write();
    if (c.durable) return flush();
    complete();
}

void AtaDisk::flush() {
    wait();
    medium_.flush([this](bool ok) { ok ? complete() : fail(kAbrt); });
}

void AtaDisk::medium_failed() {
    show_address(state_.command.lba);
    fail(state_.command.write ? kAbrt : kUnc);
}

void AtaDisk::complete() {
    if (state_.command.lba) {
        show_address(state_.command.lba - 1);
        task().count = 0;
    }
    finish();
}

// --- the rest ----------------------------------------------------------------------------------------------------

void AtaDisk::execute_other(uint8_t code) {
    state_.command = {};
    switch (code) {
        case 0x91:
            return set_translation();
        case 0xc6:
            return set_multiple();
        case 0xe7:  // FLUSH CACHE
        case 0xea:  // FLUSH CACHE EXT
            return flush();
        case 0xec:
            return identify();
        case 0xef:
            return set_features();
        case 0x98:  // CHECK POWER MODE: active
        case 0xe5:
            task().count = 0xff;
            return finish();
        case 0x94:  // STANDBY, IDLE and SLEEP: nothing spins
        case 0x95:
        case 0x96:
        case 0x97:
        case 0x99:
        case 0xe0:
        case 0xe1:
        case 0xe2:
        case 0xe3:
        case 0xe6:
            return finish();
    }
    if ((code & 0xf0) == 0x10) return finish();  // RECALIBRATE
    if ((code & 0xf0) == 0x70) {                 // SEEK
        const auto where = address(false);
        return where && *where < sectors_ ? finish() : fail(kIdnf);
    }
    fail(kAbrt);
}

// INITIALIZE DEVICE PARAMETERS
void AtaDisk::set_translation() {
    const unsigned heads = (task().device & 0xf) + 1, sectors = task().count & 0xff;
    if (sectors == 0) return fail(kAbrt);
    state_.heads = static_cast<uint16_t>(heads);
    state_.sectors_per_track = static_cast<uint16_t>(sectors);
    state_.cylinders = static_cast<uint16_t>(std::clamp<uint64_t>(sectors_ / (heads * sectors), 1, 65535));
    finish();
}

void AtaDisk::set_multiple() {
    const unsigned n = task().count & 0xff;
    if (n > kMaxMultiple || (n & (n - 1))) return fail(kAbrt);
    state_.multiple = static_cast<uint8_t>(n);
    finish();
}

void AtaDisk::set_features() {
    switch (task().features & 0xff) {
        case 0x02:
            state_.write_cache = true;
            return finish();
        case 0x82:
            state_.write_cache = false;
            return flush();
        case 0x55:
            state_.look_ahead = false;
            return finish();
        case 0xaa:
            state_.look_ahead = true;
            return finish();
        case 0x66:  // keep, or forget, what was set here when reset: it is always kept
        case 0xcc:
            return finish();
        case 0x03:
            return set_transfer_mode() ? finish() : fail(kAbrt);
    }
    fail(kAbrt);
}

}  // namespace ringfold
