// The receive ring: which frames the card takes, and how they lie in the guest's buffers.
#include <algorithm>

#include "devices/net/e1000.h"
#include "devices/net/e1000_registers.h"
#include "devices/net/packet_fields.h"
#include "vmm/net/checksum.h"

namespace ringfold {

namespace {

using namespace e1000;

constexpr uint32_t kDescriptorBytes = 16, kCrcBytes = 4;
constexpr size_t kLargestUnlessLong = 1522;

bool is_vlan(const net::Frame& frame, uint32_t type) {
    return net::get_be(frame, 12, 2) == (type & 0xffff);
}

// The twelve bits of the destination that choose a multicast bucket.
unsigned multicast_hash(const net::Frame& f, unsigned offset) {
    constexpr unsigned kShift[] = {4, 3, 2, 0};
    return ((f[4] | uint32_t{f[5]} << 8) >> kShift[offset]) & 0xfff;
}

}  // namespace

uint32_t E1000::buffer_bytes() const {
    constexpr uint32_t kSizes[2][4] = {{2048, 1024, 512, 256}, {2048, 16384, 8192, 4096}};
    return kSizes[reg(kRctl) & kSizeExtended ? 1 : 0][reg(kRctl) >> 16 & 3];
}

// The guest gives buffers from the head up to the tail.
uint32_t E1000::free_buffers() const {
    const uint32_t entries = reg(kRdlen) / kDescriptorBytes, head = reg(kRdh), tail = reg(kRdt);
    if (entries == 0 || head >= entries || tail >= entries) return 0;
    return tail >= head ? tail - head : entries - head + tail;
}

bool E1000::has_room(size_t bytes) const {
    return uint64_t{free_buffers()} * buffer_bytes() >= bytes + kCrcBytes;
}

void E1000::receive() {
    if (!(reg(kRctl) & kRxEnable) || !bus_master()) {
        while (port_.receive()) continue;  // nobody listens
        return;
    }
    // Without room for the longest the next one waits until there is.
    while (has_room(net::kLargestFrame)) {
        auto frame = port_.receive();
        if (!frame) return;
        if (wants(*frame)) store(std::move(*frame));
    }
}

bool E1000::wants(const net::Frame& f) const {
    const uint32_t rctl = reg(kRctl);
    if (f.size() + kCrcBytes > kLargestUnlessLong && !(rctl & kLongPackets)) return false;
    if (rctl & kVlanFilter && is_vlan(f, reg(kVet))) {
        const uint32_t id = net::get_be(f, 14, 2) & 0xfff;
        if (!(reg(kVfta + 4 * (id >> 5)) >> (id & 31) & 1)) return false;
    }
    const bool group = f[0] & 1;
    const bool broadcast = std::all_of(f.begin(), f.begin() + 6, [](uint8_t b) { return b == 0xff; });
    if (broadcast && rctl & kBroadcast) return true;
    if (rctl & (group ? kMulticastPromiscuous : kUnicastPromiscuous)) return true;
    const auto low = static_cast<uint32_t>(net::get_le(f, 0, 4)), high = static_cast<uint32_t>(net::get_le(f, 4, 2));
    for (uint32_t r = kRal; r < kRaEnd; r += 8)
        if (reg(r + 4) & kAddressValid && reg(r) == low && (reg(r + 4) & 0xffff) == high) return true;
    if (!group) return false;
    const unsigned hash = multicast_hash(f, rctl >> 12 & 3);
    return reg(kMta + 4 * (hash >> 5)) >> (hash & 31) & 1;
}

void E1000::store(net::Frame frame) {
    uint8_t status = kDescriptorDone | kIgnoreChecksum;
    uint16_t tag = 0;
    if (reg(kCtrl) & kVlanMode && is_vlan(frame, reg(kVet))) {
        status |= kVlanPacket;
        tag = static_cast<uint16_t>(net::get_be(frame, 14, 2));
        frame.erase(frame.begin() + 12, frame.begin() + 16);
    }
    if (!(reg(kRctl) & kStripCrc)) {
        const uint32_t crc = net::frame_check_sequence(frame);
        frame.resize(frame.size() + kCrcBytes);
        net::put_le(frame, frame.size() - kCrcBytes, crc, kCrcBytes);
    }
    const uint32_t entries = reg(kRdlen) / kDescriptorBytes;
    for (size_t done = 0; done < frame.size();) {
        const size_t n = std::min<size_t>(frame.size() - done, buffer_bytes());
        const GuestPhys at((uint64_t{reg(kRdbah)} << 32 | reg(kRdbal)) + uint64_t{reg(kRdh)} * kDescriptorBytes);
        std::array<uint8_t, kDescriptorBytes> d{};
        if (memory_.dma_read(at, d)) {
            memory_.dma_write(GuestPhys(net::get_le(d, 0, 8)), std::span(frame).subspan(done, n));
            done += n;
            net::put_le(d, 8, n, 2);
            net::put_le(d, 10, 0, 2);
            d[12] = done == frame.size() ? status | kRxEop : status;
            d[13] = 0;
            net::put_le(d, 14, tag, 2);
            memory_.dma_write(at, d);
        } else {
            done += n;  // the ring is not memory
        }
        reg(kRdh) = (reg(kRdh) + 1) % entries;
    }
    ++reg(kGprc);
    ++reg(kTpr);
    const uint32_t threshold = entries >> (1 + (reg(kRctl) >> 8 & 3));
    interrupt_cause(kRxt0 | (free_buffers() <= threshold ? kRxdmt0 : 0));
}

}  // namespace ringfold
