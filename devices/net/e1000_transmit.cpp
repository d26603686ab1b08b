// The transmit ring: descriptors become packets, packets frames.
#include <algorithm>

#include "devices/net/e1000.h"
#include "devices/net/e1000_registers.h"
#include "devices/net/offload.h"
#include "devices/net/packet_fields.h"

namespace ringfold {

namespace {

using namespace e1000;

constexpr uint32_t kDescriptorBytes = 16, kUpper = 12;
constexpr size_t kLargestPacket = 128 << 10;  // before it is cut into segments; longer ones are lost
constexpr unsigned kTypeShift = 20;
constexpr uint32_t kTypeMask = 15, kContextType = 0, kDataType = 1;

}  // namespace

// From the head to the tail, each place in the ring once at most, wherever the guest has put the two.
void E1000::transmit() {
    const uint32_t entries = reg(kTdlen) / kDescriptorBytes;
    if (!(reg(kTctl) & kTxEnable) || !bus_master() || entries == 0 || reg(kTdh) == reg(kTdt)) return;
    uint32_t causes = kTxqe;
    work_ = 0;
    for (uint32_t n = 0; n < entries && reg(kTdh) != reg(kTdt); ++n) {
        const GuestPhys at((uint64_t{reg(kTdbah)} << 32 | reg(kTdbal)) + uint64_t{reg(kTdh)} * kDescriptorBytes);
        std::array<uint8_t, kDescriptorBytes> bytes{};
        if (!memory_.dma_read(at, bytes)) break;
        const Descriptor d{net::get_le(bytes, 0, 8), static_cast<uint32_t>(net::get_le(bytes, 8, 4)),
                           static_cast<uint32_t>(net::get_le(bytes, kUpper, 4))};
        if (d.extended() && (d.lower >> kTypeShift & kTypeMask) == kContextType)
            take_context(d, bytes);
        else
            take_descriptor(d);
        if (d.command() & (kReportStatus | kReportSent)) {
            std::array<uint8_t, 1> status{static_cast<uint8_t>(d.upper | kDescriptorDone)};
            memory_.dma_write(at + kUpper, status);
            causes |= kTxdw;
        }
        reg(kTdh) = reg(kTdh) + 1 >= entries ? 0 : reg(kTdh) + 1;
    }
    interrupt_cause(causes);
}

void E1000::take_context(const Descriptor& d, const std::array<uint8_t, 16>& b) {
    const auto half = [&b](size_t at) { return static_cast<uint16_t>(net::get_le(b, at, 2)); };
    const Context context{.ip_start = b[0],
                          .ip_field = b[1],
                          .transport_start = b[4],
                          .transport_field = b[5],
                          .header = b[13],
                          .command = d.command(),
                          .ip_end = half(2),
                          .transport_end = half(6),
                          .segment = half(14)};
    (d.command() & kSegmentation ? s_.segmentation : s_.context) = context;
}

// A packet whose memory is not there, or which is too long, is never sent; nor what comes behind too much work.
void E1000::take_descriptor(const Descriptor& d) {
    if (!s_.packet_begun) {
        s_.packet.clear();
        s_.packet_begun = true;
        s_.packet_lost = false;
        s_.options = d.extended() ? static_cast<uint8_t>(d.upper >> 8) : 0;
    }
    if (!s_.packet_lost) s_.packet_lost = !append(d.buffer, d.lower & (d.extended() ? 0xfffff : 0xffff));
    if (!(d.command() & kEop)) return;
    s_.packet_begun = false;
    if (!s_.packet_lost) finish_packet(d);
}

bool E1000::append(uint64_t buffer, uint32_t length) {
    const size_t before = s_.packet.size();
    if (length > kLargestPacket - std::min(before, kLargestPacket) || work_ > net::kMostWork) return false;
    work_ += length;
    s_.packet.resize(before + length);
    return memory_.dma_read(GuestPhys(buffer), std::span(s_.packet).subspan(before));
}

void E1000::finish_packet(const Descriptor& d) {
    const bool vlan = d.command() & kVlanInsert && reg(kCtrl) & kVlanMode;
    const auto tag = static_cast<uint16_t>(d.upper >> 16);
    const auto fields = [](const Context& c) {
        return std::pair{net::ChecksumField{c.ip_start, c.ip_field, c.ip_end},
                         net::ChecksumField{c.transport_start, c.transport_field, c.transport_end}};
    };
    if (d.extended() && d.command() & kSegmentation) {
        const Context& c = s_.segmentation;
        const auto [ip, transport] = fields(c);
        net::send_segments(s_.packet,
                           {.header = c.header,
                            .segment = c.segment,
                            .ipv4 = (c.command & kIpContext) != 0,
                            .tcp = (c.command & kTcpContext) != 0,
                            .ip = ip,
                            .transport = transport,
                            .sum_ip = (s_.options & kIpChecksum) != 0,
                            .sum_transport = (s_.options & kTcpChecksum) != 0},
                           [&](std::span<const uint8_t> f) {
                               send({f.begin(), f.end()}, vlan, tag);
                           });
        return;
    }
    if (d.extended()) {
        const auto [ip, transport] = fields(s_.context);
        if (s_.options & kIpChecksum) net::put_checksum(s_.packet, ip);
        if (s_.options & kTcpChecksum) net::put_checksum(s_.packet, transport);
    } else if (d.command() & kInsertChecksum) {
        net::put_checksum(s_.packet, {.start = d.upper >> 8 & 0xff, .field = d.lower >> 16 & 0xff});
    }
    send(std::move(s_.packet), vlan, tag);
    s_.packet.clear();
}

void E1000::send(std::vector<uint8_t> frame, bool vlan, uint16_t tag) {
    if (frame.size() < net::kHeaderBytes) return;
    if (vlan) {
        const auto type = static_cast<uint16_t>(reg(kVet));
        const std::array<uint8_t, 4> inserted{static_cast<uint8_t>(type >> 8), static_cast<uint8_t>(type),
                                              static_cast<uint8_t>(tag >> 8), static_cast<uint8_t>(tag)};
        frame.insert(frame.begin() + 12, inserted.begin(), inserted.end());
    }
    if (frame.size() < net::kSmallestFrame && reg(kTctl) & kPadShort) frame.resize(net::kSmallestFrame);
    work_ += frame.size();
    ++reg(kGptc);
    ++reg(kTpt);
    port_.send(frame);
}

}  // namespace ringfold
