// One virtqueue: the ring of buffers by which a virtio driver and a device hand memory to each other (Virtual I/O
// Device Specification 1.1, 2.6, in the legacy layout). All of it lies in the guest's memory and is the guest's to get
// wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "vmm/base/io.h"

namespace ringfold::virtio {

// A list of buffers that the driver made available: first those to read, then those to write.
struct Chain {
    struct Buffer {
        GuestPhys at;
        uint32_t length = 0;
    };
    uint16_t head = 0;
    std::vector<Buffer> readable, writable;
    uint64_t readable_bytes = 0, writable_bytes = 0;
};

class Virtqueue {
public:
    static constexpr uint16_t kSize = 256;  // places; the legacy interface lets the device choose

    struct State {
        uint32_t page = 0;   // where it lies, in pages; 0: not in use
        uint16_t taken = 0;  // of the available ring, modulo 2^16
        uint16_t used = 0;   // of the used ring
        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "page", page, "taken", taken, "used", used);
        }
    };

    explicit Virtqueue(PhysicalMemory& memory) : memory_(memory) {}

    // The next chain, none if there is none. A ring that no driver makes leaves the queue broken(), until it is placed
    // anew: chains that loop or are too long, and rings outside memory.
    std::optional<Chain> take();
    std::optional<Chain> chain(uint16_t head);  // again, of one that was taken before
    void give_back(uint16_t head, uint32_t written);
    bool wants_interrupt() const;
    bool broken() const { return broken_; }

    // Both move at most what the chain holds; false if some of it was not memory.
    bool read(const Chain&, uint64_t from, std::span<uint8_t> to) const;
    bool write(const Chain&, uint64_t to, std::span<const uint8_t> from) const;

    void place(uint32_t page);
    const State& state() const { return s_; }
    void restore(const State& s) {
        s_ = s;
        broken_ = false;
    }

private:
    uint64_t base() const { return uint64_t{s_.page} << 12; }
    uint64_t available() const { return base() + 16 * kSize; }
    uint64_t used_ring() const { return (available() + 4 + 2 * kSize + 2 + 4095) & ~uint64_t{4095}; }
    std::optional<uint16_t> word(uint64_t at) const;
    bool walk(uint64_t table, uint32_t entries, uint32_t first, bool indirect, Chain&) const;

    PhysicalMemory& memory_;
    State s_;
    bool broken_ = false;
};

}  // namespace ringfold::virtio
