// Reading, writing, verifying and formatting: chunks of up to a track between medium and buffer, and between buffer and
// guest by DMA channel 2 or the data register.
#include <algorithm>

#include "devices/floppy/floppy_controller.h"

namespace ringfold {

namespace {

constexpr unsigned kDmaChannel = 2;
constexpr uint32_t kSector = 512;
constexpr uint8_t kSizeCode = 2;  // 128 << 2 bytes
// ST0: abnormal end. ST1: what of a sector's address was not found.
constexpr uint8_t kAbnormal = 0x40;
constexpr uint8_t kMissingAddress = 0x01, kNotWritable = 0x02, kNoData = 0x04, kDataError = 0x20, kEndOfCylinder = 0x80,
                  kOverrun = 0x10;
constexpr uint8_t kWrongCylinder = 0x10;  // ST2

}  // namespace

uint32_t FloppyController::lba(const FloppyGeometry& g, const Transfer& t) const {
    return (uint32_t{t.cylinder} * g.heads + t.head) * g.sectors + t.sector - 1;
}

// Whether the sector is under the heads.
uint8_t FloppyController::problem(const Transfer& t, uint8_t* st2) const {
    const auto g = geometry(t.drive);
    // Another data rate than the disk was written with finds nothing at all.
    if (!g || static_cast<uint8_t>(g->rate) != state_.rate || t.head >= g->heads) return kMissingAddress;
    const uint8_t track = state_.drives[t.drive].track;
    if (track >= g->tracks) return kMissingAddress;
    if (t.cylinder != track) {
        *st2 = kWrongCylinder;
        return kNoData;
    }
    if (t.sector == 0 || t.sector > g->sectors || lba(*g, t) >= media_[t.drive]->medium()->sectors()) return kNoData;
    if ((t.kind == Transfer::Kind::Write || t.kind == Transfer::Kind::Format) && media_[t.drive]->medium()->read_only)
        return kNotWritable;
    return 0;
}

void FloppyController::begin_transfer(Transfer::Kind kind) {
    const auto& b = state_.bytes;
    Transfer t{.kind = kind,
               .multitrack = (b[0] & 0x80) != 0,
               .drive = static_cast<uint8_t>(b[1] & 3),
               .cylinder = b[2],
               .head = static_cast<uint8_t>(b[1] >> 2 & 1),
               .sector = b[4],
               .last_sector = b[6]};
    const uint8_t head_in_address = b[3], size_code = b[5];
    if ((b[0] & 0x1f) == 0x02) t.sector = 1;  // READ TRACK begins behind the index hole
    const bool implied_seek = state_.configuration & 0x40;
    if (implied_seek && t.drive < kDrives) state_.drives[t.drive].track = std::min<uint8_t>(t.cylinder, 84);
    state_.transfer = t;
    uint8_t st2 = 0;
    uint8_t st1 = problem(t, &st2);
    if (!st1 && (size_code != kSizeCode || head_in_address != t.head)) st1 = kNoData;
    if (st1) return end_transfer({kAbnormal, st1, st2});
    next_chunk();
}

// From the current sector to the end of its side, or of what the guest wants of it.
void FloppyController::next_chunk() {
    Transfer& t = state_.transfer;
    uint8_t st2 = 0;
    if (const uint8_t st1 = problem(t, &st2)) return end_transfer({kAbnormal, st1, st2});
    const auto g = *geometry(t.drive);
    const uint64_t first = lba(g, t), there = media_[t.drive]->medium()->sectors();
    const unsigned last = std::clamp<unsigned>(t.last_sector, t.sector, g.sectors);
    t.sectors = static_cast<uint32_t>(std::min<uint64_t>(last - t.sector + 1u, there - first));
    state_.buffer.assign(size_t{t.sectors} * kSector, 0);
    state_.position = 0;
    if (t.kind == Transfer::Kind::Write) {
        state_.phase = Phase::FromGuest;
        return move();
    }
    state_.phase = Phase::Waiting;
    media_[t.drive]->read(first * kSector, state_.buffer, [this](bool ok) { chunk_was_read(ok); });
}

void FloppyController::chunk_was_read(bool ok) {
    if (!ok) return end_transfer({kAbnormal, kDataError, kDataError});
    if (state_.transfer.kind == Transfer::Kind::Verify) {
        state_.position = static_cast<uint32_t>(state_.buffer.size());
        return chunk_given();
    }
    state_.phase = Phase::ToGuest;
    move();
}

// As much of the buffer as the DMA controller takes; without DMA the guest takes it from the data register.
void FloppyController::move() {
    if (!dma_mode()) return set_interrupt(true);
    const std::span<uint8_t> rest = std::span(state_.buffer).subspan(state_.position);
    const Dma8237::Moved moved =
        state_.phase == Phase::ToGuest ? dma_.to_memory(kDmaChannel, rest) : dma_.from_memory(kDmaChannel, rest);
    state_.position += static_cast<uint32_t>(moved.bytes);
    state_.transfer.terminal_count = moved.terminal_count;
    if (!moved.memory) return end_transfer({kAbnormal, kOverrun, 0});
    if (moved.terminal_count || state_.position == state_.buffer.size()) chunk_given();
}

// The guest has had, or has given, what the buffer holds.
void FloppyController::chunk_given() {
    Transfer& t = state_.transfer;
    // A count that ends within a sector: its rest is written as zeros.
    t.sectors = (state_.position + kSector - 1) / kSector;
    if (t.kind == Transfer::Kind::Write) return write_chunk();
    if (t.kind == Transfer::Kind::Format) return format_next();
    advance();
}

// A restored transfer may have begun with another disk.
void FloppyController::write_chunk() {
    Transfer& t = state_.transfer;
    uint8_t st2 = 0;
    if (const uint8_t st1 = problem(t, &st2)) return end_transfer({kAbnormal, st1, st2});
    const uint64_t first = lba(*geometry(t.drive), t);
    if (t.sectors > media_[t.drive]->medium()->sectors() - first) return end_transfer({kAbnormal, kNoData, 0});
    state_.phase = Phase::Waiting;
    state_.buffer.resize(size_t{t.sectors} * kSector);
    media_[t.drive]->write(first * kSector, state_.buffer, [this](bool ok) {
        if (!ok) return end_transfer({kAbnormal, kDataError, 0});
        advance();
    });
}

// Behind a chunk: the address moves on as the data sheet's table 5-6 has it, and the transfer ends or goes on.
void FloppyController::advance() {
    Transfer& t = state_.transfer;
    t.sector = static_cast<uint8_t>(t.sector + t.sectors);
    if (t.sector <= t.last_sector) {
        if (t.terminal_count) return end_transfer({});
        return next_chunk();  // of an image that is cut off: there it fails
    }
    const bool other_side = t.multitrack && t.head == 0;
    t.sector = 1;
    if (t.multitrack) t.head ^= 1;
    if (!other_side) t.cylinder++;
    const bool verified = t.kind == Transfer::Kind::Verify && !other_side;
    if (t.terminal_count || verified) return end_transfer({});
    if (!other_side) return end_transfer({kAbnormal, kEndOfCylinder, 0});
    next_chunk();
}

void FloppyController::end_transfer(Result result) {
    const Transfer& t = state_.transfer;
    // ST0 names the side where it ended, which is not always the one that the address has moved on to.
    const unsigned head = state_.bytes.size() > 1 ? state_.bytes[1] >> 2 & 1u : 0u;
    answer({static_cast<uint8_t>(result.st0 | t.drive | head << 2), result.st1, result.st2, t.cylinder, t.head,
            t.sector, kSizeCode});
    set_interrupt(true);
}

// --- format and address ------------------------------------------------------------------------------------------

// The guest gives four bytes for each sector of the track: cylinder, head, sector, size.
void FloppyController::begin_format() {
    const auto& b = state_.bytes;
    const auto drive = static_cast<uint8_t>(b[1] & 3);
    state_.transfer = {.kind = Transfer::Kind::Format,
                       .drive = drive,
                       .cylinder = drive < kDrives ? state_.drives[drive].track : uint8_t{0},
                       .head = static_cast<uint8_t>(b[1] >> 2 & 1),
                       .sector = 1,
                       .fill = b[5]};
    const auto g = geometry(drive);
    uint8_t st2 = 0;
    uint8_t st1 = problem(state_.transfer, &st2);
    if (!st1 && (b[2] != kSizeCode || b[3] == 0 || b[3] > g->sectors)) st1 = kNoData;
    if (st1) return end_transfer({kAbnormal, st1, st2});
    state_.buffer.assign(size_t{4} * b[3], 0);
    state_.position = 0;
    state_.phase = Phase::FromGuest;
    move();
}

// One sector after the other: their order on the track is the guest's.
void FloppyController::format_next() {
    Transfer& t = state_.transfer;
    if (size_t{t.formatted} * 4 >= state_.position / 4 * 4) return end_transfer({});
    // The second quarter of the buffer on holds the sector that is written.
    const size_t at = size_t{4} * t.formatted++;
    t.cylinder = state_.buffer[at];
    t.sector = state_.buffer[at + 2];
    uint8_t st2 = 0;
    uint8_t st1 = problem(t, &st2);
    if (!st1 && (state_.buffer[at + 1] != t.head || state_.buffer[at + 3] != kSizeCode)) st1 = kNoData;
    if (st1) return end_transfer({kAbnormal, st1, st2});
    state_.phase = Phase::Waiting;
    const size_t ids = state_.position;
    state_.buffer.resize(ids + kSector);
    std::fill(state_.buffer.begin() + static_cast<long>(ids), state_.buffer.end(), t.fill);
    const std::span<const uint8_t> sector = std::span(state_.buffer).subspan(ids);
    media_[t.drive]->write(uint64_t{lba(*geometry(t.drive), t)} * kSector, sector, [this](bool ok) {
        if (!ok) return end_transfer({kAbnormal, kDataError, 0});
        format_next();
    });
}

// The address of whatever sector comes by.
void FloppyController::read_id() {
    const auto drive = static_cast<uint8_t>(state_.bytes[1] & 3);
    Transfer t{.kind = Transfer::Kind::Read,
               .drive = drive,
               .cylinder = drive < kDrives ? state_.drives[drive].track : uint8_t{0},
               .head = static_cast<uint8_t>(state_.bytes[1] >> 2 & 1),
               .sector = 1};
    uint8_t st2 = 0;
    const uint8_t st1 = problem(t, &st2);
    if (!st1) {
        DriveState& d = state_.drives[drive];
        const auto g = *geometry(drive);
        d.next_id = static_cast<uint8_t>(d.next_id % g.sectors + 1);
        t.sector = d.next_id;
    }
    state_.transfer = t;
    end_transfer({st1 ? kAbnormal : uint8_t{0}, st1, st2});
}

}  // namespace ringfold
