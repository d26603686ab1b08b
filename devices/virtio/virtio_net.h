// virtio's network card (specification 1.1, 5.1, legacy). The driver leaves it checksums and the cutting of TCP
// segments; all frames that come are its own to sort.
#pragma once

#include "devices/virtio/virtio_pci.h"
#include "vmm/net/net_port.h"

namespace ringfold {

class VirtioNet final : public virtio::VirtioPci {
public:
    using State = TransportState;

    // `port` and `memory` outlive it. `rom` is its option ROM, or empty.
    VirtioNet(net::NetPort& port, PhysicalMemory& memory, const net::MacAddress& mac, std::vector<uint8_t> rom = {});
    ~VirtioNet() override;

    State state() const { return transport_state(); }
    void restore(const State& s) { restore_transport(s); }

private:
    uint8_t config_byte(uint32_t offset) const override;
    void notified(unsigned queue) override;
    void device_reset() override {}
    void transmit();
    void send(net::Frame packet, std::span<const uint8_t> header);
    void receive();

    net::NetPort& port_;
    net::MacAddress mac_;
    size_t work_ = 0;  // bytes moved for the guest's last access
};

}  // namespace ringfold
