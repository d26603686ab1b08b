// Checksums and segmentation on behalf of a driver.
#include "devices/net/offload.h"

#include <algorithm>

#include "devices/net/packet_fields.h"
#include "vmm/net/checksum.h"

namespace ringfold::net {

namespace {

constexpr size_t kIpLength = 2, kIpId = 4, kIpv6Length = 4, kIpv6Header = 40;
constexpr size_t kTcpSequence = 4, kTcpFlags = 13, kTcpHeader = 20, kUdpLength = 4;
constexpr uint8_t kFin = 0x01, kPush = 0x08;

void fix_ip(std::span<uint8_t> packet, const Segmentation& s, uint32_t number) {
    const size_t ip = s.ip.start, length = packet.size() - ip;
    if (s.ipv4) {
        put_be(packet, ip + kIpLength, static_cast<uint32_t>(length), 2);
        put_be(packet, ip + kIpId, get_be(packet, ip + kIpId, 2) + number, 2);
    } else {
        put_be(packet, ip + kIpv6Length, static_cast<uint32_t>(length - kIpv6Header), 2);
    }
}

void fix_transport(std::span<uint8_t> packet, const Segmentation& s, uint32_t sent, bool last) {
    const size_t at = s.transport.start;
    const auto length = static_cast<uint32_t>(packet.size() - at);
    if (s.tcp) {
        put_be(packet, at + kTcpSequence, get_be(packet, at + kTcpSequence, 4) + sent, 4);
        if (!last) packet[at + kTcpFlags] &= static_cast<uint8_t>(~(kFin | kPush));
    } else {
        put_be(packet, at + kUdpLength, length, 2);
    }
    if (!s.sum_transport) return;
    uint32_t sum = get_be(packet, s.transport.field, 2) + length;
    sum = (sum & 0xffff) + (sum >> 16);
    put_be(packet, s.transport.field, sum, 2);
}

bool sensible(std::span<const uint8_t> packet, const Segmentation& s) {
    const size_t ip_header = s.ipv4 ? 20 : kIpv6Header, transport_header = s.tcp ? kTcpHeader : 8;
    return s.segment > 0 && s.header <= packet.size() && s.ip.start + ip_header <= s.header &&
           s.transport.start + transport_header <= s.header && s.transport.field + 2 <= s.header;
}

}  // namespace

void put_checksum(std::span<uint8_t> packet, const ChecksumField& f) {
    size_t end = packet.size();
    if (f.end && f.end < end) end = f.end + 1;
    if (f.start >= end || f.field + 2 > packet.size()) return;
    const uint16_t sum = internet_checksum(internet_sum(packet.subspan(f.start, end - f.start)));
    // For UDP zero would mean "none"; for the others both mean the same.
    put_be(packet, f.field, sum ? sum : 0xffff, 2);
}

bool send_segments(std::span<const uint8_t> packet, const Segmentation& s,
                   const std::function<void(std::span<const uint8_t>)>& send) {
    if (!sensible(packet, s) || s.header + s.segment > kLargestFrame) return false;
    const auto header = packet.first(s.header), payload = packet.subspan(s.header);
    Frame frame;
    uint32_t number = 0;
    for (size_t sent = 0; sent < payload.size(); ++number) {
        const size_t n = std::min<size_t>(s.segment, payload.size() - sent);
        frame.assign(header.begin(), header.end());
        frame.insert(frame.end(), payload.begin() + static_cast<long>(sent),
                     payload.begin() + static_cast<long>(sent + n));
        fix_ip(frame, s, number);
        fix_transport(frame, s, static_cast<uint32_t>(sent), sent + n == payload.size());
        if (s.sum_ip && s.ipv4) put_checksum(frame, s.ip);
        if (s.sum_transport) put_checksum(frame, s.transport);
        send(frame);
        sent += n;
    }
    return true;
}

}  // namespace ringfold::net
