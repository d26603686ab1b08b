// Walks the driver's rings, and believes nothing that it finds there.
#include "devices/virtio/virtqueue.h"

#include <algorithm>
#include <array>

#include "devices/net/packet_fields.h"
#include "vmm/base/log.h"

namespace ringfold::virtio {

namespace {

constexpr uint16_t kNext = 1, kWrite = 2, kIndirect = 4;  // a descriptor's flags
constexpr uint16_t kNoInterrupt = 1;                      // the available ring's
constexpr uint32_t kDescriptorBytes = 16, kMostIndirect = 1024;

// Moves `bytes` to or from the part of the buffers that begins at `skip`.
template <class Bytes, class Move>
bool scatter(const std::vector<Chain::Buffer>& buffers, uint64_t skip, Bytes bytes, Move move) {
    bool all = true;
    for (const auto& b : buffers) {
        if (bytes.empty()) return all;
        if (skip >= b.length) {
            skip -= b.length;
            continue;
        }
        const size_t n = std::min<uint64_t>(bytes.size(), b.length - skip);
        all = move(b.at + skip, bytes.first(n)) && all;
        bytes = bytes.subspan(n);
        skip = 0;
    }
    return all && bytes.empty();
}

}  // namespace

void Virtqueue::place(uint32_t page) {
    s_ = {.page = page};
    broken_ = false;
}

std::optional<uint16_t> Virtqueue::word(uint64_t at) const {
    std::array<uint8_t, 2> bytes{};
    if (!memory_.dma_read(GuestPhys(at), bytes)) return std::nullopt;
    return static_cast<uint16_t>(bytes[0] | bytes[1] << 8);
}

std::optional<Chain> Virtqueue::take() {
    if (s_.page == 0 || broken_) return std::nullopt;
    const auto offered = word(available() + 2);
    if (offered && *offered == s_.taken) return std::nullopt;
    const auto head = word(available() + 4 + 2 * (s_.taken % kSize));
    // More than fit cannot be there.
    if (offered && head && static_cast<uint16_t>(*offered - s_.taken) <= kSize)
        if (auto found = chain(*head)) {
            ++s_.taken;
            return found;
        }
    broken_ = true;
    log::print(log::GuestErrors, "virtio: a queue that no driver makes; it rests until it is set up anew\n");
    return std::nullopt;
}

std::optional<Chain> Virtqueue::chain(uint16_t head) {
    Chain result{.head = head};
    if (!walk(base(), kSize, head, false, result)) return std::nullopt;
    return result;
}

// As many steps as the table has entries at most: so it ends, wherever the links lead.
bool Virtqueue::walk(uint64_t table, uint32_t entries, uint32_t first, bool indirect, Chain& chain) const {
    uint32_t at = first;
    for (uint32_t step = 0; step < entries; ++step) {
        std::array<uint8_t, kDescriptorBytes> d{};
        if (at >= entries || !memory_.dma_read(GuestPhys(table + uint64_t{at} * kDescriptorBytes), d)) return false;
        const GuestPhys address(net::get_le(d, 0, 8));
        const auto length = static_cast<uint32_t>(net::get_le(d, 8, 4));
        const auto flags = static_cast<uint16_t>(net::get_le(d, 12, 2));
        if (flags & kIndirect) {
            const uint32_t inner = length / kDescriptorBytes;
            if (indirect || flags & kNext || inner == 0 || inner > kMostIndirect) return false;
            return walk(address.value, inner, 0, true, chain);
        }
        if (flags & kWrite) {
            chain.writable.push_back({address, length});
            chain.writable_bytes += length;
        } else if (chain.writable.empty()) {
            chain.readable.push_back({address, length});
            chain.readable_bytes += length;
        } else {
            return false;  // what is to be read comes first
        }
        if (!(flags & kNext)) return true;
        at = static_cast<uint32_t>(net::get_le(d, 14, 2));
    }
    return false;
}

void Virtqueue::give_back(uint16_t head, uint32_t written) {
    if (s_.page == 0) return;
    std::array<uint8_t, 8> element{};
    net::put_le(element, 0, head, 4);
    net::put_le(element, 4, written, 4);
    memory_.dma_write(GuestPhys(used_ring() + 4 + 8 * (s_.used % kSize)), element);
    std::array<uint8_t, 2> index{};
    net::put_le(index, 0, ++s_.used, 2);
    memory_.dma_write(GuestPhys(used_ring() + 2), index);
}

bool Virtqueue::wants_interrupt() const {
    const auto flags = word(available());
    return flags && !(*flags & kNoInterrupt);
}

bool Virtqueue::read(const Chain& c, uint64_t from, std::span<uint8_t> to) const {
    return scatter(c.readable, from, to,
                   [this](GuestPhys at, std::span<uint8_t> part) { return memory_.dma_read(at, part); });
}

bool Virtqueue::write(const Chain& c, uint64_t to, std::span<const uint8_t> from) const {
    return scatter(c.writable, to, from,
                   [this](GuestPhys at, std::span<const uint8_t> part) { return memory_.dma_write(at, part); });
}

}  // namespace ringfold::virtio
