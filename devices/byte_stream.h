// The host's side of a character device: where bytes go and where they come from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace ringfold {

class ByteSink {
public:
    virtual ~ByteSink() = default;
    // Takes as many bytes from the front as it can without waiting, and says how many. After less than all the owner
    // tells the device when there is room again (output_ready()).
    virtual size_t write(std::span<const uint8_t> bytes) = 0;
};

class ByteSource {
public:
    virtual ~ByteSource() = default;
    // The next byte that is already there. A device asks only when it has room, so input waits at its origin; the
    // owner tells the device when bytes have come (input_ready()).
    virtual std::optional<uint8_t> take() = 0;
};

}  // namespace ringfold
