// Frames in virtqueues, each behind a header of ten bytes.
#include "devices/virtio/virtio_net.h"

#include "devices/net/offload.h"
#include "devices/net/packet_fields.h"

namespace ringfold {

namespace {

constexpr unsigned kReceiveQueue = 0, kTransmitQueue = 1;
constexpr uint32_t kCsum = 1 << 0, kMac = 1 << 5, kHostTso4 = 1 << 11, kHostTso6 = 1 << 12, kStatusField = 1 << 16,
                   kAnyLayout = 1 << 27, kIndirect = 1 << 28;
constexpr size_t kNetHeader = 10, kLargestPacket = 128 << 10;
constexpr uint8_t kNeedsChecksum = 1, kGsoNone = 0, kGsoTcp4 = 1, kGsoTcp6 = 4, kGsoEcn = 0x80;
constexpr uint8_t kLinkUp = 1;
constexpr uint32_t kVlanType = 0x8100, kIpv4 = 0x0800;

// A driver sums the pseudo header with the whole packet's length; segments have their own.
void take_length_out(net::Frame& packet, uint32_t start, uint32_t field) {
    uint32_t length = static_cast<uint32_t>(packet.size() - start);
    length = (length & 0xffff) + (length >> 16);
    uint32_t sum = net::get_be(packet, field, 2) + (0xffff - length);
    net::put_be(packet, field, (sum & 0xffff) + (sum >> 16), 2);
}

}  // namespace

VirtioNet::VirtioNet(net::NetPort& port, PhysicalMemory& memory, const net::MacAddress& mac, std::vector<uint8_t> rom)
    : VirtioPci({.device = 0x1000,
                 .subsystem = 1,
                 .class_code = 0x020000,
                 .queues = 2,
                 .features = kCsum | kMac | kHostTso4 | kHostTso6 | kStatusField | kAnyLayout | kIndirect},
                memory, std::move(rom)),
      port_(port),
      mac_(mac) {
    port_.on_arrival([this] { receive(); });
}

VirtioNet::~VirtioNet() {
    port_.on_arrival({});
}

uint8_t VirtioNet::config_byte(uint32_t offset) const {
    if (offset < mac_.size()) return mac_[offset];
    return offset == mac_.size() ? kLinkUp : 0;
}

void VirtioNet::notified(unsigned n) {
    n == kReceiveQueue ? receive() : transmit();
}

// One round of the ring at most for each call.
void VirtioNet::transmit() {
    virtio::Virtqueue* q = queue(kTransmitQueue);
    if (!q) return;
    bool any = false;
    work_ = 0;
    for (unsigned n = 0; n < virtio::Virtqueue::kSize; ++n) {
        const auto chain = q->take();
        if (!chain) break;
        any = true;
        std::array<uint8_t, kNetHeader> header{};
        const uint64_t length = chain->readable_bytes;
        if (length > kNetHeader + net::kHeaderBytes && length <= kLargestPacket && work_ <= net::kMostWork) {
            work_ += length;
            net::Frame packet(length - kNetHeader);
            if (q->read(*chain, 0, header) && q->read(*chain, kNetHeader, packet)) send(std::move(packet), header);
        }
        q->give_back(chain->head, 0);
    }
    if (any) tell_driver(*q);
}

void VirtioNet::send(net::Frame packet, std::span<const uint8_t> h) {
    const auto half = [&h](size_t at) { return static_cast<uint32_t>(net::get_le(h, at, 2)); };
    const uint8_t gso = h[1] & static_cast<uint8_t>(~kGsoEcn);
    const uint32_t start = half(6), field = start + half(8);
    if (gso == kGsoNone) {
        if (h[0] & kNeedsChecksum) net::put_checksum(packet, {.start = start, .field = field});
        if (packet.size() < net::kSmallestFrame) packet.resize(net::kSmallestFrame);
        return port_.send(packet);
    }
    const uint32_t ip = net::get_be(packet, 12, 2) == kVlanType ? 18 : 14;
    if ((gso != kGsoTcp4 && gso != kGsoTcp6) || start < ip + 20 || start + 20 > packet.size() ||
        field + 2 > packet.size())
        return;
    const bool ipv4 = net::get_be(packet, ip - 2, 2) == kIpv4;
    if (ipv4) net::put_be(packet, ip + 10, 0, 2);
    take_length_out(packet, start, field);
    net::send_segments(packet,
                       {.header = start + (packet[start + 12] >> 4) * 4u,
                        .segment = half(4),
                        .ipv4 = ipv4,
                        .ip = {.start = ip, .field = ip + 10, .end = start - 1},
                        .transport = {.start = start, .field = field}},
                       [this](std::span<const uint8_t> frame) {
                           work_ += frame.size();
                           port_.send(frame);
                       });
}

void VirtioNet::receive() {
    virtio::Virtqueue* q = queue(kReceiveQueue);
    if (!q) {
        while (port_.receive()) continue;  // nobody listens
        return;
    }
    bool any = false;
    // The buffer first: without one, frames wait.
    for (;;) {
        const auto before = q->state();
        const auto chain = q->take();
        if (!chain) break;
        auto frame = port_.receive();
        if (!frame) {
            q->restore(before);
            break;
        }
        uint32_t written = 0;
        if (chain->writable_bytes >= kNetHeader + frame->size()) {
            constexpr std::array<uint8_t, kNetHeader> kNothingSpecial{};
            q->write(*chain, 0, kNothingSpecial);
            q->write(*chain, kNetHeader, *frame);
            written = static_cast<uint32_t>(kNetHeader + frame->size());
        }
        q->give_back(chain->head, written);
        any = true;
    }
    if (any) tell_driver(*q);
}

}  // namespace ringfold
