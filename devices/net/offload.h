// What a card does to packets that the guest's driver leaves to it: checksums, and cutting one long TCP segment into
// many. Offsets come from the guest; one that leads outside the packet leaves it as it is.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "vmm/net/net_port.h"

namespace ringfold::net {

// Where a checksum is made over, and where it goes. `end`: the last byte, 0 for the packet's.
struct ChecksumField {
    uint32_t start = 0, field = 0, end = 0;
};
void put_checksum(std::span<uint8_t> packet, const ChecksumField&);

// A packet whose first `header` bytes are repeated in front of each `segment` bytes of the rest.
struct Segmentation {
    uint32_t header = 0, segment = 0;
    bool ipv4 = true, tcp = true;
    ChecksumField ip, transport;  // their starts are where these headers begin
    // The transport's checksum field holds the pseudo header's sum without the length.
    bool sum_ip = true, sum_transport = true;
};
// What a card moves for one access of the guest, in bytes read and sent: rings of long packets cut into segments of one
// byte would keep it for hours. More is lost, as on a busy network.
inline constexpr size_t kMostWork = 64 << 20;

// False, and nothing sent, if the offsets make no sense.
bool send_segments(std::span<const uint8_t> packet, const Segmentation&,
                   const std::function<void(std::span<const uint8_t>)>& send);

}  // namespace ringfold::net
