// The 8237A's registers, and blocks moved on behalf of devices.
#include "devices/dma8237.h"

#include <algorithm>

namespace ringfold {

namespace {

constexpr uint8_t kDisabled = 0x04;                      // command
constexpr uint8_t kAutoInitialize = 0x10, kDown = 0x20;  // mode
// The page register of each byte channel, from port 80 on.
constexpr unsigned kPageOf[4] = {7, 3, 1, 2};

}  // namespace

uint8_t Dma8237::read_half(Controller& c, uint16_t value) {
    const bool high = c.high_byte;
    c.high_byte = !high;
    return static_cast<uint8_t>(high ? value >> 8 : value);
}

void Dma8237::write_half(Controller& c, uint16_t& base, uint16_t& current, uint8_t value) {
    base = static_cast<uint16_t>(c.high_byte ? (base & 0xff) | value << 8 : (base & 0xff00) | value);
    current = base;
    c.high_byte = !c.high_byte;
}

uint8_t Dma8237::read_controller(Controller& c, unsigned reg) {
    if (reg < 8) {
        const Channel& channel = c.channels[reg / 2];
        return read_half(c, reg % 2 ? channel.count : channel.address);
    }
    if (reg == 8) {
        const auto status = static_cast<uint8_t>(c.terminal_counts | c.requests << 4);
        c.terminal_counts = 0;
        return status;
    }
    if (reg == 15) {
        uint8_t masks = 0xf0;
        for (unsigned n = 0; n < 4; n++) masks |= static_cast<uint8_t>(c.channels[n].masked << n);
        return masks;
    }
    return 0;  // the temporary register, of memory-to-memory moves, which a PC has not
}

void Dma8237::write_controller(Controller& c, unsigned reg, uint8_t value) {
    Channel& channel = c.channels[value & 3];
    switch (reg) {
        case 8:
            c.command = value;
            break;
        case 9:
            c.requests =
                static_cast<uint8_t>(value & 4 ? c.requests | 1 << (value & 3) : c.requests & ~(1 << (value & 3)));
            break;
        case 10:
            channel.masked = value & 4;
            break;
        case 11:
            channel.mode = value & 0xfc;
            break;
        case 12:
            c.high_byte = false;
            break;
        case 13:  // master clear
            c.command = c.requests = c.terminal_counts = 0;
            c.high_byte = false;
            for (Channel& each : c.channels) each.masked = true;
            break;
        case 14:
            for (Channel& each : c.channels) each.masked = false;
            break;
        case 15:
            for (unsigned n = 0; n < 4; n++) c.channels[n].masked = value >> n & 1;
            break;
        default: {
            Channel& addressed = c.channels[reg / 2];
            if (reg % 2)
                write_half(c, addressed.base_count, addressed.count, value);
            else
                write_half(c, addressed.base_address, addressed.address, value);
        }
    }
    if (changed_) changed_();
}

uint32_t Dma8237::read(uint32_t offset, unsigned) {
    if (offset < 16) return read_controller(state_.controllers[0], offset);
    if (offset < 48) return read_controller(state_.controllers[1], (offset - 16) / 2);
    return state_.pages[(offset - 48) & 15];
}

void Dma8237::write(uint32_t offset, unsigned, uint32_t value) {
    const auto byte = static_cast<uint8_t>(value);
    if (offset < 16) return write_controller(state_.controllers[0], offset, byte);
    if (offset < 48) return write_controller(state_.controllers[1], (offset - 16) / 2, byte);
    state_.pages[(offset - 48) & 15] = byte;
}

// A page register does not count: a block wraps within its 64 KiB.
template <class Bytes, class Move>
Dma8237::Moved Dma8237::move(unsigned number, Transfer wanted, Bytes bytes, Move one) {
    Controller& c = state_.controllers[0];
    Channel& channel = c.channels[number & 3];
    const auto programmed = static_cast<Transfer>(channel.mode >> 2 & 3);
    Moved moved;
    if (channel.masked || c.command & kDisabled || (programmed != wanted && programmed != Transfer::Verify))
        return moved;
    const uint32_t page = uint32_t{state_.pages[kPageOf[number & 3]]} << 16;
    const bool down = channel.mode & kDown;
    while (!bytes.empty() && !moved.terminal_count) {
        // As many as lie in a row.
        const size_t in_row = down ? 1 : 0x10000u - channel.address;
        const size_t n = std::min({bytes.size(), in_row, size_t{channel.count} + 1});
        if (programmed == wanted && !one(GuestPhys(page | channel.address), bytes.first(n))) moved.memory = false;
        bytes = bytes.subspan(n);
        moved.bytes += n;
        channel.address = static_cast<uint16_t>(down ? channel.address - 1u : channel.address + n);
        channel.count = static_cast<uint16_t>(channel.count - n);
        moved.terminal_count = channel.count == 0xffff;
    }
    if (!moved.terminal_count) return moved;
    c.terminal_counts |= static_cast<uint8_t>(1 << (number & 3));
    if (channel.mode & kAutoInitialize) {
        channel.address = channel.base_address;
        channel.count = channel.base_count;
    } else {
        channel.masked = true;
    }
    return moved;
}

Dma8237::Moved Dma8237::to_memory(unsigned channel, std::span<const uint8_t> from) {
    return move(channel, Transfer::ToMemory, from,
                [this](GuestPhys at, std::span<const uint8_t> piece) { return memory_.dma_write(at, piece); });
}

Dma8237::Moved Dma8237::from_memory(unsigned channel, std::span<uint8_t> to) {
    return move(channel, Transfer::FromMemory, to,
                [this](GuestPhys at, std::span<uint8_t> piece) { return memory_.dma_read(at, piece); });
}

}  // namespace ringfold
