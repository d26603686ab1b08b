// The bus master as a drive on the cable sees it: somewhere in the guest's memory, as long as the guest lets it.
#pragma once

#include <cstdint>
#include <span>

namespace ringfold {

class DmaEngine {
public:
    enum class Direction : uint8_t { ToMemory, FromMemory };
    enum class Result : uint8_t {
        Done,
        TooShort,  // the guest's list of memory ended first
        Fault,     // the list, or what it names, is not memory
    };
    virtual ~DmaEngine() = default;
    // The guest has started it, in that direction.
    virtual bool ready(Direction) const = 0;
    // Goes on where the last call ended.
    virtual Result to_memory(std::span<const uint8_t> from) = 0;
    virtual Result from_memory(std::span<uint8_t> to) = 0;
    // The drive's interrupt came.
    virtual void interrupted() = 0;
};

}  // namespace ringfold
