// The legacy registers.
#include "devices/virtio/virtio_pci.h"

#include <bit>

namespace ringfold::virtio {

namespace {

constexpr uint32_t kDeviceFeatures = 0, kDriverFeatures = 4, kQueuePage = 8, kQueueSize = 12, kQueueSelect = 14,
                   kQueueNotify = 16, kDeviceStatus = 18, kIsr = 19, kConfig = 20;
constexpr uint8_t kQueueInterrupt = 1;

}  // namespace

VirtioPci::VirtioPci(const Kind& kind, PhysicalMemory& memory, std::vector<uint8_t> rom)
    : PciDevice({.vendor = 0x1af4,
                 .device = kind.device,
                 .class_code = kind.class_code,
                 .revision = 0,
                 .subsystem = kind.subsystem,
                 .interrupt_pin = 1}),
      kind_(kind),
      queues_(kind.queues, Virtqueue(memory)),
      rom_(std::move(rom)) {
    add_bar({.space = PciBar::Space::Io, .index = 0, .size = 64, .registers = &ports_});
    if (rom_.size()) add_bar({.space = PciBar::Space::Rom, .size = std::bit_ceil(rom_.size()), .registers = &rom_});
}

uint32_t VirtioPci::read_port(uint32_t offset, unsigned size) {
    const bool has_queue = s_.selected < queues_.size();
    switch (offset) {
        case kDeviceFeatures:
            return kind_.features;
        case kDriverFeatures:
            return s_.driver_features;
        case kQueuePage:
            return has_queue ? queues_[s_.selected].state().page : 0;
        case kQueueSize:
            return has_queue ? Virtqueue::kSize : 0;
        case kQueueSelect:
            return s_.selected;
        case kDeviceStatus:
            return s_.status;
        case kIsr: {  // reading it takes the interrupt back
            const uint8_t isr = s_.isr;
            s_.isr = 0;
            interrupt().lower();
            return isr;
        }
        default:
            break;
    }
    if (offset < kConfig) return 0;
    uint32_t value = 0;
    for (unsigned n = 0; n < size; ++n) value |= uint32_t{config_byte(offset - kConfig + n)} << (8 * n);
    return value;
}

void VirtioPci::write_port(uint32_t offset, unsigned, uint32_t value) {
    switch (offset) {
        case kDriverFeatures:
            s_.driver_features = value & kind_.features;
            return;
        case kQueuePage:
            if (s_.selected < queues_.size()) queues_[s_.selected].place(value);
            return;
        case kQueueSelect:
            s_.selected = static_cast<uint16_t>(value);
            return;
        case kQueueNotify:
            if (value < queues_.size() && ready()) notified(value);
            return;
        case kDeviceStatus: {
            const bool was_ready = ready();
            s_.status = static_cast<uint8_t>(value);
            if (value == 0) return reset_all();
            // Buffers may have been offered before.
            for (unsigned n = 0; !was_ready && ready() && n < queues_.size(); ++n) notified(n);
            return;
        }
        default:
            return;
    }
}

void VirtioPci::reset_all() {
    device_reset();
    for (Virtqueue& q : queues_) q.place(0);
    s_ = TransportState{};
    interrupt().lower();
}

void VirtioPci::tell_driver(const Virtqueue& q) {
    if (!q.wants_interrupt()) return;
    s_.isr |= kQueueInterrupt;
    interrupt().raise();
}

VirtioPci::TransportState VirtioPci::transport_state() const {
    TransportState s = s_;
    s.pci = pci_state();
    for (const Virtqueue& q : queues_) s.queues.push_back(q.state());
    return s;
}

void VirtioPci::restore_transport(const TransportState& s) {
    restore_pci(s.pci);
    s_ = s;
    s_.queues.clear();
    for (size_t n = 0; n < queues_.size(); ++n)
        queues_[n].restore(n < s.queues.size() ? s.queues[n] : Virtqueue::State{});
    interrupt().set(s_.isr);
}

}  // namespace ringfold::virtio
