// The port and device-memory decoder: finds the device behind an address and cuts accesses to its width.
#include "devices/bus.h"

#include <algorithm>

#include "vmm/base/log.h"
#include "vmm/base/result.h"

namespace ringfold {

namespace {

constexpr uint32_t kPorts = 0x10000;

constexpr uint64_t low_bytes(uint64_t value, unsigned size) {
    return size >= 8 ? value : value & ((uint64_t{1} << (8 * size)) - 1);
}

}  // namespace

Bus::Bus() : port_map_(kPorts) {}

bool Bus::Claim::takes(uint64_t address, unsigned size) const {
    return size <= width && address - base + size <= length;
}

// Why the range cannot be claimed; nothing if it can.
std::optional<std::string> Bus::objection(PortRange range) const {
    const uint32_t end = range.base + range.length;
    if (range.length == 0 || range.length > kPorts || end > kPorts)
        return fmt::format("ports {:#x}+{:#x}: not a range of I/O ports", range.base, range.length);
    const auto first = port_map_.begin() + range.base, last = port_map_.begin() + end;
    const auto taken = std::find_if(first, last, [](uint16_t index) { return index != 0; });
    if (taken == last) return std::nullopt;
    return fmt::format("ports {:#x}+{:#x}: port {:#x} already belongs to another device", range.base, range.length,
                       taken - port_map_.begin());
}

std::optional<std::string> Bus::objection(MmioRange range) const {
    const uint64_t base = range.base.value;
    if (range.length == 0 || base + range.length < base || range.length > UINT32_MAX)
        return fmt::format("device memory {:#x}+{:#x}: not a range of addresses", base, range.length);
    for (const Claim& other : mmio_claims_) {
        if (base < other.base + other.length && other.base < base + range.length)
            return fmt::format("device memory {:#x}+{:#x}: meets another device's at {:#x}", base, range.length,
                               other.base);
    }
    return std::nullopt;
}

bool Bus::vacant(PortRange range) const {
    return !objection(range);
}
bool Bus::vacant(MmioRange range) const {
    return !objection(range);
}

void Bus::claim(PortRange range, Device& device) {
    if (const auto why = objection(range)) throw HostError(*why);
    auto slot = std::find_if(port_claims_.begin(), port_claims_.end(), [](const Claim& c) { return !c.device; });
    if (slot == port_claims_.end()) slot = port_claims_.insert(slot, Claim{});
    *slot = {range.base, range.length, range.first_register, static_cast<unsigned>(range.width), &device};
    std::fill_n(port_map_.begin() + range.base, range.length, static_cast<uint16_t>(slot - port_claims_.begin() + 1));
}

void Bus::claim(MmioRange range, Device& device) {
    if (const auto why = objection(range)) throw HostError(*why);
    const uint64_t base = range.base.value;
    const Claim claim{base, range.length, range.first_register, static_cast<unsigned>(range.width), &device};
    const auto place = std::upper_bound(mmio_claims_.begin(), mmio_claims_.end(), base,
                                        [](uint64_t b, const Claim& c) { return b < c.base; });
    mmio_claims_.insert(place, claim);
    plain_changed();
}

// Port claims keep their places, because port_map_ holds indices.
void Bus::release(Claim& ports) {
    std::fill_n(port_map_.begin() + static_cast<long>(ports.base), ports.length, uint16_t{0});
    ports.device = nullptr;
}

void Bus::release(Device& device) {
    if (std::erase_if(mmio_claims_, [&](const Claim& c) { return c.device == &device; })) plain_changed();
    for (Claim& c : port_claims_)
        if (c.device == &device) release(c);
}

void Bus::release_ports(uint16_t base) {
    for (Claim& c : port_claims_)
        if (c.device && c.base == base) release(c);
}

void Bus::release_memory(GuestPhys base) {
    if (std::erase_if(mmio_claims_, [&](const Claim& c) { return c.base == base.value; })) plain_changed();
}

std::vector<Bus::PlainMemory> Bus::plain_memory() const {
    std::vector<PlainMemory> all;
    for (const Claim& claim : mmio_claims_) {
        const uint64_t claimed_end = claim.first_register + claim.length;
        for (const PlainRegisters& plain : claim.device->plain()) {
            const uint64_t first = std::max(plain.first, claim.first_register);
            const uint64_t end = std::min<uint64_t>(uint64_t{plain.first} + plain.length, claimed_end);
            if (first < end)
                all.push_back({GuestPhys(claim.base + (first - claim.first_register)), end - first,
                               plain.memory + (first - plain.first)});
        }
    }
    return all;
}

const Bus::Claim* Bus::port_claim(uint32_t port) const {
    // An access that begins at port 0xffff reaches past the last port: nobody answers there.
    if (port >= kPorts || port_map_[port] == 0) return nullptr;
    return &port_claims_[port_map_[port] - 1u];
}

const Bus::Claim* Bus::mmio_claim(uint64_t address) const {
    auto next = std::upper_bound(mmio_claims_.begin(), mmio_claims_.end(), address,
                                 [](uint64_t a, const Claim& c) { return a < c.base; });
    if (next == mmio_claims_.begin()) return nullptr;
    const Claim& claim = *--next;
    return address - claim.base < claim.length ? &claim : nullptr;
}

uint32_t Bus::in_at(uint32_t port, unsigned size) {
    const Claim* claim = port_claim(port);
    if (claim && claim->takes(port, size))
        return static_cast<uint32_t>(low_bytes(claim->device->read(claim->offset(port), size), size));
    if (size == 1) {
        log::print(log::GuestErrors, "read of port {:#x}, where nothing is\n", port);
        return 0xff;
    }
    const unsigned half = size / 2;
    const uint32_t low = in_at(port, half);
    return low | in_at(port + half, half) << (8 * half);
}

void Bus::out_at(uint32_t port, unsigned size, uint32_t value) {
    const Claim* claim = port_claim(port);
    if (claim && claim->takes(port, size)) {
        claim->device->write(claim->offset(port), size, static_cast<uint32_t>(low_bytes(value, size)));
    } else if (size == 1) {
        log::print(log::GuestErrors, "write of {:#x} to port {:#x}, where nothing is\n", value & 0xff, port);
    } else {
        const unsigned half = size / 2;
        out_at(port, half, value);
        out_at(port + half, half, value >> (8 * half));
    }
}

uint64_t Bus::read_at(uint64_t address, unsigned size) {
    const Claim* claim = mmio_claim(address);
    if (claim && claim->takes(address, size)) return low_bytes(claim->device->read(claim->offset(address), size), size);
    if (size == 1) return 0xff;
    const unsigned half = size / 2;
    const uint64_t low = read_at(address, half);
    return low | read_at(address + half, half) << (8 * half);
}

void Bus::write_at(uint64_t address, unsigned size, uint64_t value) {
    const Claim* claim = mmio_claim(address);
    if (claim && claim->takes(address, size)) {
        claim->device->write(claim->offset(address), size, static_cast<uint32_t>(low_bytes(value, size)));
    } else if (size > 1) {
        const unsigned half = size / 2;
        write_at(address, half, value);
        write_at(address + half, half, value >> (8 * half));
    }
}

uint32_t Bus::in(uint16_t port, unsigned size) {
    return in_at(port, size);
}

void Bus::out(uint16_t port, unsigned size, uint32_t value) {
    out_at(port, size, value);
}

uint64_t Bus::read(GuestPhys address, unsigned size) {
    return read_at(address.value, size);
}

void Bus::write(GuestPhys address, unsigned size, uint64_t value) {
    write_at(address.value, size, value);
}

}  // namespace ringfold
