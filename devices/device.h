// What the bus asks of a device: its registers, and nothing about where they sit.
#pragma once

#include <cstdint>

namespace ringfold {

class Device {
public:
    virtual ~Device() = default;
    // `offset` counts from the device's first register; `size` is 1, 2 or 4 and no more than the width given to
    // the bus. Bits of the result above `size` bytes are ignored, those of `value` are zero.
    virtual uint32_t read(uint32_t offset, unsigned size) = 0;
    virtual void write(uint32_t offset, unsigned size, uint32_t value) = 0;
    // The machine's reset line.
    virtual void reset() = 0;
};

}  // namespace ringfold
