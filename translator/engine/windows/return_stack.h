// The host return stacks: rsp while translated code runs. Each guest call leaves its host return address there, and a
// return goes where the last one leads, with the guest's in r8d, to be compared: what lies here is a guess. A block that
// runs at any page (BlockKey::any_page) pushes the page's base first, and takes it back behind the call.
//
// There is one for each privilege, so that user code never finds an address of the supervisor's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "vmm/base/types.h"

namespace ringfold::windows {

class ReturnStacks {
public:
    // Throws HostError.
    ReturnStacks();
    ~ReturnStacks();
    ReturnStacks(const ReturnStacks&) = delete;
    ReturnStacks& operator=(const ReturnStacks&) = delete;

    // rsp of the empty stack.
    uint64_t top(Privilege p) const { return tops_[static_cast<std::size_t>(p)]; }
    // Where a return leads that finds its stack empty. To be said before there is one.
    void empty_leads_to(const void* stub);
    // Is it in a stack's guard, so that the host's fault there was an overflow?
    bool overflowed(uint64_t address) const;

private:
    uint8_t* memory_ = nullptr;
    std::array<uint64_t, 2> tops_{};
    const void* empty_ = nullptr;
};

}  // namespace ringfold::windows
