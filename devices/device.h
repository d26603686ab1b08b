// What the bus asks of a device: its registers, and nothing about where they sit.
#pragma once

#include <cstdint>
#include <vector>

namespace ringfold {

// Registers that are nothing but memory for now: a read gives what was written last, and neither has another effect.
// `memory` is where that is in the memory of the display card, the only device that has such.
struct PlainRegisters {
    uint32_t first = 0, length = 0, memory = 0;
    bool operator==(const PlainRegisters&) const = default;
};

class Device {
public:
    virtual ~Device() = default;
    // `offset` counts from the device's first register; `size` is 1, 2 or 4 and no more than the width given to
    // the bus. Bits of the result above `size` bytes are ignored, those of `value` are zero.
    virtual uint32_t read(uint32_t offset, unsigned size) = 0;
    virtual void write(uint32_t offset, unsigned size, uint32_t value) = 0;
    // Whoever claims the registers on the bus and then changes this tells the bus.
    virtual std::vector<PlainRegisters> plain() const { return {}; }
    // The machine's reset line.
    virtual void reset() = 0;
};

}  // namespace ringfold
