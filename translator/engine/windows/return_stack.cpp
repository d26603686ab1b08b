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
constexpr uint64_t kStack = 64 * kPageSize;  // 16,384 guest calls deep
constexpr uint64_t kTotal = 2 * (kGuard + kStack) + kGuard;
constexpr uint64_t kSlack = 64;  // above the empty stack: the sentinel pair
}  // namespace

ReturnStacks::ReturnStacks(const void* empty) {
    void* p = mmap(nullptr, kTotal, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) throw HostError(fmt::format("cannot map the host return stacks: {}", strerror(errno)));
    memory_ = static_cast<uint8_t*>(p);
    for (uint64_t n = 0; n < 3; ++n) mprotect(memory_ + n * (kGuard + kStack), kGuard, PROT_NONE);
    for (size_t n = 0; n < 2; ++n) {
        tops_[n] = reinterpret_cast<uint64_t>(memory_) + (n + 1) * (kGuard + kStack) - kSlack;
        const uint64_t sentinel = reinterpret_cast<uint64_t>(empty);
        memcpy(reinterpret_cast<void*>(tops_[n]), &sentinel, 8);
    }
}

ReturnStacks::~ReturnStacks() {
    munmap(memory_, kTotal);
}

bool ReturnStacks::overflowed(uint64_t address) const {
    const uint64_t offset = address - reinterpret_cast<uint64_t>(memory_);
    return offset < kTotal && offset % (kGuard + kStack) >= kPageSize && offset % (kGuard + kStack) < kGuard;
}

}  // namespace ringfold::windows
