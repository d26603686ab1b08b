// A machine at one moment, as bytes: the state of all its parts and its RAM, zero pages left out and the rest
// compressed, with the format's version, the shape of each part, and a checksum over everything.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "shadowmmu/ram.h"
#include "vmm/snapshot/state_parts.h"

namespace ringfold {

class Snapshot {
public:
    static std::vector<uint8_t> save(const StateParts& parts, const Ram& ram);

    // Throws HostError, in one line that begins with `name`, unless the bytes are whole and of this format's version.
    Snapshot(std::vector<uint8_t> bytes, std::string name);

    // Throws HostError unless load() into such a machine would succeed. Changes nothing.
    void check(const StateParts& parts, const Ram& ram) const;
    // Into a machine that has not run yet.
    void load(const StateParts& parts, Ram& ram) const;

private:
    struct Saved {
        std::string name;
        uint64_t shape;
        std::span<const uint8_t> state;
    };
    [[noreturn]] void refuse(const std::string& why) const;
    template <class Page>
    void each_page(Page page) const;

    std::vector<uint8_t> bytes_;
    std::string name_;
    uint64_t ram_bytes_ = 0;
    std::vector<Saved> saved_;
    std::span<const uint8_t> packed_ram_;
};

}  // namespace ringfold
