// virtio's disk (specification 1.1, 5.2, legacy): many requests at a time, each answered when the drive has done it.
#pragma once

#include <deque>
#include <string>

#include "devices/virtio/virtio_pci.h"
#include "vmm/block/block_device.h"

namespace ringfold {

class VirtioBlock final : public virtio::VirtioPci {
public:
    struct State {
        TransportState transport;
        std::deque<uint16_t> under_way;  // heads of chains that are not answered yet, in order
        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "transport", transport, "under_way", under_way);
            archive.require(under_way.size() <= virtio::Virtqueue::kSize, "under_way");
        }
    };

    // Both outlive it. `serial` is at most 20 letters.
    VirtioBlock(block::BlockDevice& medium, PhysicalMemory& memory, std::string serial);
    ~VirtioBlock() override;

    State state() const;
    // The requests that were under way begin again.
    void restore(const State&);

private:
    struct Request {
        virtio::Chain chain;
        uint32_t type = 0;
        std::vector<uint8_t> data;
    };
    uint8_t config_byte(uint32_t offset) const override;
    void notified(unsigned queue) override;
    void device_reset() override;
    void take_requests();
    void begin(virtio::Chain);
    void done(bool ok);
    void answer(const Request&, uint8_t status);
    bool inside(uint64_t sector, uint64_t bytes) const;

    block::BlockDevice& medium_;
    std::string serial_;
    std::deque<Request> under_way_;
    uint64_t bytes_under_way_ = 0;
};

}  // namespace ringfold
