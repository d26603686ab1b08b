// PCI configuration space: what a guest can change there, and where the base address registers decode.
#include "devices/pci_device.h"

#include <bit>

#include <fmt/format.h>

#include "vmm/base/result.h"

namespace ringfold {

namespace {

constexpr uint8_t kVendor = 0x00, kDevice = 0x02, kRevision = 0x08, kClass = 0x09, kHeaderType = 0x0e,
                  kSubsystemVendor = 0x2c, kSubsystem = 0x2e, kInterruptPin = 0x3d;
constexpr uint8_t kMultifunction = 0x80;
constexpr uint32_t kIoSpace = 1, kPrefetchable = 8, kRomEnable = 1;

constexpr uint32_t byte_of(uint32_t value, unsigned n) {
    return value >> (8 * n) & 0xff;
}

bool size_allowed(const PciBar& bar) {
    if (!std::has_single_bit(bar.size)) return false;
    switch (bar.space) {
        case PciBar::Space::Io:
            return bar.size >= 4 && bar.size <= 256;
        case PciBar::Space::Rom:
            return bar.size >= 2 << 10 && bar.size <= 16 << 20;
        default:
            return bar.size >= 16 && bar.size <= 1 << 30;
    }
}

}  // namespace

PciDevice::PciDevice(const PciIdentity& identity) {
    define(kVendor, 2, identity.vendor);
    define(kDevice, 2, identity.device);
    define(kCommand, 2, 0, kIoEnable | kMemoryEnable | kBusMaster);
    define(kRevision, 1, identity.revision);
    define(kClass, 1, byte_of(identity.class_code, 0));
    define(kClass + 1, 2, identity.class_code >> 8);
    define(kHeaderType, 1, identity.multifunction ? kMultifunction : 0);
    define(kSubsystemVendor, 2, identity.subsystem_vendor);
    define(kSubsystem, 2, identity.subsystem);
    define(kInterruptLine, 1, 0, identity.interrupt_pin ? 0xff : 0);
    define(kInterruptPin, 1, identity.interrupt_pin);
}

void PciDevice::define(uint8_t offset, unsigned size, uint32_t first, uint32_t writable) {
    for (unsigned n = 0; n < size; ++n) {
        config_[offset + n] = first_[offset + n] = static_cast<uint8_t>(byte_of(first, n));
        writable_[offset + n] = static_cast<uint8_t>(byte_of(writable, n));
    }
}

void PciDevice::add_bar(const PciBar& bar) {
    if (!size_allowed(bar) || bar.index > 5)
        throw HostError(
            fmt::format("PCI base address register {} of {:#x} bytes: not one that PCI knows", bar.index, bar.size));
    const uint32_t address_bits = ~(bar.size - 1);
    switch (bar.space) {
        case PciBar::Space::Io:
            define(register_of(bar), 4, kIoSpace, address_bits);
            break;
        case PciBar::Space::Memory:
            define(register_of(bar), 4, 0, address_bits);
            break;
        case PciBar::Space::Prefetchable:
            define(register_of(bar), 4, kPrefetchable, address_bits);
            break;
        case PciBar::Space::Rom:
            define(kRomBase, 4, 0, address_bits | kRomEnable);
            break;
    }
    bars_.push_back(bar);
}

uint32_t PciDevice::config_read(uint8_t offset, unsigned size) const {
    uint32_t value = 0;
    for (unsigned n = 0; n < size; ++n) value |= uint32_t{config_[(offset + n) & 0xff]} << (8 * n);
    return value;
}

void PciDevice::set_config(uint8_t offset, unsigned size, uint32_t value) {
    for (unsigned n = 0; n < size; ++n) config_[(offset + n) & 0xff] = static_cast<uint8_t>(byte_of(value, n));
}

void PciDevice::config_write(uint8_t offset, unsigned size, uint32_t value) {
    bool changed = false;
    for (unsigned n = 0; n < size; ++n) {
        uint8_t& byte = config_[(offset + n) & 0xff];
        const uint8_t mask = writable_[(offset + n) & 0xff], before = byte;
        byte = static_cast<uint8_t>((byte & ~mask) | (byte_of(value, n) & mask));
        changed |= byte != before;
    }
    if (changed) config_changed(offset, size);
}

void PciDevice::reset_config() {
    for (size_t n = 0; n < config_.size(); ++n)
        config_[n] = static_cast<uint8_t>((config_[n] & ~writable_[n]) | (first_[n] & writable_[n]));
}

std::optional<uint32_t> PciDevice::decoded(const PciBar& bar) const {
    const uint32_t value = config_read(register_of(bar), 4), address = value & ~(bar.size - 1);
    const bool io = bar.space == PciBar::Space::Io, rom = bar.space == PciBar::Space::Rom;
    const bool enabled = config_[kCommand] & (io ? kIoEnable : kMemoryEnable) && (!rom || value & kRomEnable);
    // Sizing writes all ones, often with decoding on: the top of the space is nowhere.
    const bool nowhere = address == 0 || (io ? address > 0xffff : address + bar.size == 0);
    if (!enabled || nowhere) return std::nullopt;
    return address;
}

}  // namespace ringfold
