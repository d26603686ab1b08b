// Walks the list of regions. A list ends after 64 KiB, which it may not cross, so one that leads in circles ends too.
#include "devices/ide/bus_master.h"

#include <algorithm>
#include <array>

namespace ringfold {

namespace {

constexpr uint8_t kStart = 0x01, kToMemory = 0x08;                                   // command
constexpr uint8_t kActive = 0x01, kError = 0x02, kInterrupt = 0x04, kDrives = 0x60;  // status
constexpr uint32_t kEntryBytes = 8, kMaxEntries = 65536 / kEntryBytes;
constexpr uint32_t kEndOfTable = 0x80000000;

}  // namespace

uint8_t BusMaster::read_byte(uint32_t offset) const {
    switch (offset) {
        case 0:
            return state_.command;
        case 2:
            return state_.status;
        case 4:
        case 5:
        case 6:
        case 7:
            return static_cast<uint8_t>(state_.table >> (8 * (offset - 4)));
    }
    return 0;
}

void BusMaster::write_byte(uint32_t offset, uint8_t value) {
    switch (offset) {
        case 0:
            return write_command(value);
        case 2:
            state_.status = static_cast<uint8_t>((value & kDrives) | (state_.status & kActive) |
                                                 (state_.status & (kError | kInterrupt) & ~value));
            return;
        case 4:
        case 5:
        case 6:
        case 7: {
            const unsigned shift = 8 * (offset - 4);
            state_.table = ((state_.table & ~(0xffu << shift)) | uint32_t{value} << shift) & ~3u;
            return;
        }
    }
}

uint32_t BusMaster::read(uint32_t offset, unsigned size) {
    uint32_t value = 0;
    for (unsigned n = 0; n < size; n++) value |= uint32_t{read_byte(offset + n)} << (8 * n);
    return value;
}

void BusMaster::write(uint32_t offset, unsigned size, uint32_t value) {
    for (unsigned n = 0; n < size; n++) write_byte(offset + n, static_cast<uint8_t>(value >> (8 * n)));
}

void BusMaster::reset() {
    state_ = {.status = static_cast<uint8_t>(state_.status & kDrives)};
}

void BusMaster::write_command(uint8_t value) {
    const bool was_started = state_.command & kStart;
    state_.command = value & (kStart | kToMemory);
    if (!(value & kStart)) {
        state_.status &= static_cast<uint8_t>(~kActive);
    } else if (!was_started) {
        state_.status |= kActive;
        state_.entry = state_.table;
        state_.left = state_.entries = 0;
        state_.last = false;
        if (started_) started_();
    }
}

bool BusMaster::ready(Direction direction) const {
    return state_.status & kActive &&
           (state_.command & kToMemory) == (direction == Direction::ToMemory ? kToMemory : 0) &&
           (!allowed_ || allowed_());
}

DmaEngine::Result BusMaster::next_region() {
    if (state_.last || state_.entries == kMaxEntries) return Result::TooShort;
    std::array<uint8_t, kEntryBytes> entry{};
    if (!memory_.dma_read(GuestPhys(state_.entry), entry)) return Result::Fault;
    const auto word = [&entry](size_t at) {
        return entry[at] | uint32_t{entry[at + 1]} << 8 | uint32_t{entry[at + 2]} << 16 | uint32_t{entry[at + 3]} << 24;
    };
    state_.address = word(0) & ~1u;
    state_.left = word(4) & 0xfffe;
    if (state_.left == 0) state_.left = 65536;
    state_.last = word(4) & kEndOfTable;
    state_.entry += kEntryBytes;
    state_.entries++;
    return Result::Done;
}

// How a transfer ends is what the status register says of it.
DmaEngine::Result BusMaster::ended(Result result) {
    const bool list_used_up = state_.left == 0 && state_.last;
    if (result != Result::Done || list_used_up) state_.status &= static_cast<uint8_t>(~kActive);
    if (result == Result::Fault) state_.status |= kError;
    return result;
}

template <class Bytes, class Move>
DmaEngine::Result BusMaster::transfer(Bytes bytes, Move move) {
    while (!bytes.empty()) {
        if (state_.left == 0)
            if (const Result r = next_region(); r != Result::Done) return ended(r);
        const size_t n = std::min<size_t>(bytes.size(), state_.left);
        if (!move(GuestPhys(state_.address), bytes.first(n))) return ended(Result::Fault);
        state_.address += static_cast<uint32_t>(n);
        state_.left -= static_cast<uint32_t>(n);
        bytes = bytes.subspan(n);
    }
    return ended(Result::Done);
}

DmaEngine::Result BusMaster::to_memory(std::span<const uint8_t> from) {
    return transfer(from,
                    [this](GuestPhys at, std::span<const uint8_t> piece) { return memory_.dma_write(at, piece); });
}

DmaEngine::Result BusMaster::from_memory(std::span<uint8_t> to) {
    return transfer(to, [this](GuestPhys at, std::span<uint8_t> piece) { return memory_.dma_read(at, piece); });
}

void BusMaster::interrupted() {
    state_.status |= kInterrupt;
}

}  // namespace ringfold
