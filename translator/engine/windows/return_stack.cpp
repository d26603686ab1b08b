// The host return stacks' memory: guard, stack, guard, stack.
#include "translator/engine/windows/return_stack.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "vmm/base/result.h"

namespace ringfold::windows {

namespace {
constexpr uint64_t kGuard = 16 * kPageSize;
constexpr uint64_t kStack = 64 * kPageSize;  // 32,768 guest calls deep, half of that where each pushes two words
constexpr uint64_t kTotal = 2 * (kGuard + kStack) + kGuard;
constexpr uint64_t kSlack = 64;  // above the empty stack, where a return finds the way out
}  // namespace

ReturnStacks::ReturnStacks() {
    void* p = mmap(nullptr, kTotal, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) throw HostError(fmt::format("cannot map the host return stacks: {}", strerror(errno)));
    memory_ = static_cast<uint8_t*>(p);
    for (uint64_t n = 0; n < 3; ++n) mprotect(memory_ + n * (kGuard + kStack), kGuard, PROT_NONE);
    for (size_t n = 0; n < 2; ++n) tops_[n] = reinterpret_cast<uint64_t>(memory_) + (n + 1) * (kGuard + kStack) - kSlack;
}

void ReturnStacks::empty_leads_to(const void* stub) {
    if (stub == empty_) return;
    empty_ = stub;
    for (const uint64_t top : tops_) memcpy(reinterpret_cast<void*>(top), &stub, sizeof stub);
}

ReturnStacks::~ReturnStacks() {
    munmap(memory_, kTotal);
}

bool ReturnStacks::overflowed(uint64_t address) const {
    const uint64_t offset = address - reinterpret_cast<uint64_t>(memory_);
    return offset < kTotal && offset % (kGuard + kStack) >= kPageSize && offset % (kGuard + kStack) < kGuard;
}

}  // namespace ringfold::windows
