// Read-only memory: the firmware below 4 GiB, or an option ROM behind a base address register.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "devices/device.h"

namespace ringfold {

// Writes vanish; behind its end it reads as ones.
class Rom final : public Device {
public:
    explicit Rom(std::vector<uint8_t> contents) : contents_(std::move(contents)) {}

    uint32_t size() const { return static_cast<uint32_t>(contents_.size()); }
    uint32_t read(uint32_t offset, unsigned size) override {
        uint32_t value = 0;
        for (unsigned n = 0; n < size; ++n) {
            const uint32_t byte = offset + n < contents_.size() ? contents_[offset + n] : 0xff;
            value |= byte << 8 * n;
        }
        return value;
    }
    void write(uint32_t, unsigned, uint32_t) override {}
    void reset() override {}

private:
    std::vector<uint8_t> contents_;
};

}  // namespace ringfold
