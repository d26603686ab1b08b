// The host return stacks: rsp while translated code runs. Each guest call leaves a pair there, the negated guest
// return EIP and the host return address; a return takes it if it still fits.
//
// There is one for each privilege, so that user code never finds a pair of the supervisor's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "vmm/base/types.h"

namespace ringfold::windows {

class ReturnStacks {
public:
    // `empty`: what the sentinel pair of an empty stack returns to (Stubs::return_empty). Throws HostError.
    explicit ReturnStacks(const void* empty);
    ~ReturnStacks();
    ReturnStacks(const ReturnStacks&) = delete;
    ReturnStacks& operator=(const ReturnStacks&) = delete;

    // rsp of the empty stack.
    uint64_t top(Privilege p) const { return tops_[static_cast<std::size_t>(p)]; }
    // The stack whose guard page holds this address, which the host faulted on: it has overflowed.
    bool overflowed(uint64_t address) const;

private:
    uint8_t* memory_ = nullptr;
    std::array<uint64_t, 2> tops_{};
};

}  // namespace ringfold::windows
