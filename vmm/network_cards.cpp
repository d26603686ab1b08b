// Puts network cards on the PCI bus, each with iPXE as its option ROM where Debian's package ipxe-qemu has one.
#include "vmm/network_cards.h"

#include <unistd.h>

#include <fmt/format.h>

#include "devices/net/e1000.h"
#include "devices/net/ne2000.h"
#include "devices/virtio/virtio_net.h"
#include "vmm/base/result.h"
#include "vmm/image.h"

namespace ringfold {

namespace {

constexpr uint64_t kMostRomBytes = 1 << 20;

const char* rom_name(NicModel model) {
    switch (model) {
        case NicModel::E1000:
            return "e1000";
        case NicModel::Ne2000:
            return "ne2k_pci";
        case NicModel::Virtio:
            return "virtio";
    }
    return "";
}

// What QEMU has there: EFI's and BIOS's driver in one file; else BIOS's alone.
std::vector<uint8_t> option_rom(const NicOption& nic) {
    std::string path;
    if (nic.rom) {
        path = *nic.rom;
    } else {
        for (const char* kind : {"efi", "pxe"}) {
            const std::string place = fmt::format("/usr/lib/ipxe/qemu/{}-{}.rom", kind, rom_name(nic.model));
            if (path.empty() && access(place.c_str(), R_OK) == 0) path = place;
        }
    }
    if (path.empty()) return {};
    const Image file = Image::read(fmt::format("{}: romfile", nic.shown), path, kMostRomBytes, "give an option ROM, or romfile= for none");
    const auto bytes = file.slice(0, file.size());
    return {bytes.begin(), bytes.end()};
}

}  // namespace

NetworkCards::NetworkCards(PciBus& bus, PhysicalMemory& memory, const Clock& clock, const NicOptions& options,
                           const Networks& networks, unsigned first_slot) {
    for (const NicOption& nic : options.nics) {
        add(nic, networks.find(nic.netdev), memory, clock);
        bus.add({static_cast<uint8_t>(first_slot++), 0}, *cards_.back());
    }
}

void NetworkCards::add(const NicOption& nic, net::NetPort& port, PhysicalMemory& memory, const Clock& clock) {
    const auto put = [this, &nic](auto card) {
        parts_.push_back([name = fmt::format("{}-{}", rom_name(nic.model), cards_.size()),
                          &card = *card](StateParts& parts) { parts.add(name, card); });
        cards_.push_back(std::move(card));
    };
    switch (nic.model) {
        case NicModel::E1000:
            return put(std::make_unique<E1000>(port, memory, *nic.mac, option_rom(nic)));
        case NicModel::Ne2000: {
            auto card = std::make_unique<Ne2000>(clock, port, *nic.mac, option_rom(nic));
            timed_.push_back(&*card);
            return put(std::move(card));
        }
        case NicModel::Virtio:
            return put(std::make_unique<VirtioNet>(port, memory, *nic.mac, option_rom(nic)));
    }
}

void NetworkCards::list_parts(StateParts& parts) {
    for (const auto& list : parts_) list(parts);
}

}  // namespace ringfold
