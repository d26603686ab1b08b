// A virtio device on PCI by the legacy interface, which the drivers of every system with virtio know: registers in I/O
// ports (Virtual I/O Device Specification 1.1, 4.1.4.8). What the device does is its subclass's.
#pragma once

#include <vector>

#include "devices/face.h"
#include "devices/pci_device.h"
#include "devices/rom.h"
#include "devices/virtio/virtqueue.h"

namespace ringfold::virtio {

class VirtioPci : public PciDevice {
public:
    struct TransportState {
        PciState pci;
        uint32_t driver_features = 0;
        uint16_t selected = 0;  // queue
        uint8_t status = 0, isr = 0;
        std::vector<Virtqueue::State> queues;
        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "pci", pci, "driver_features", driver_features, "selected", selected, "status",
                           status, "isr", isr, "queues", queues);
        }
    };
    struct Kind {
        uint16_t device = 0;     // PCI's number for the device
        uint16_t subsystem = 0;  // virtio's number for the kind
        uint32_t class_code = 0;
        unsigned queues = 1;
        uint32_t features = 0;
    };

protected:
    VirtioPci(const Kind&, PhysicalMemory&, std::vector<uint8_t> rom);

    // A queue that may be used now: the driver is ready, and the bus is the device's.
    Virtqueue* queue(unsigned n) { return ready() ? &queues_[n] : nullptr; }
    bool ready() const { return s_.status & kDriverOk && bus_master(); }
    bool negotiated(uint32_t feature) const { return s_.driver_features & feature; }
    // Buffers went back to the driver.
    void tell_driver(const Virtqueue&);

    TransportState transport_state() const;
    void restore_transport(const TransportState&);

    virtual uint8_t config_byte(uint32_t offset) const = 0;
    virtual void notified(unsigned queue) = 0;
    virtual void device_reset() = 0;

private:
    static constexpr uint8_t kDriverOk = 4;
    uint32_t read_port(uint32_t offset, unsigned size);
    void write_port(uint32_t offset, unsigned size, uint32_t value);
    void reset_all();

    Kind kind_;
    std::vector<Virtqueue> queues_;
    TransportState s_;  // but for `pci` and `queues`
    Rom rom_;
    Face<VirtioPci, &VirtioPci::read_port, &VirtioPci::write_port> ports_{*this};
};

}  // namespace ringfold::virtio
