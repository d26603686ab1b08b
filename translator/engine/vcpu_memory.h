// The memory of a VcpuContext: shareable, so that an engine can map it a second time where its code reaches it. The page
// behind it is for polls (poll_page.h), so that one register reaches both.
//
// Behind that page 4 GiB are reserved in which nothing is mapped. So a load from the page's last byte plus a 32-bit
// difference is a comparison without flags: it faults unless the difference is 0 (and if an event waits).
#pragma once

#include "translator/engine/vcpu_context.h"

namespace ringfold {

class VcpuMemory {
public:
    VcpuMemory();  // throws HostError
    ~VcpuMemory();
    VcpuMemory(const VcpuMemory&) = delete;
    VcpuMemory& operator=(const VcpuMemory&) = delete;

    VcpuContext& context() { return *context_; }
    static constexpr uint32_t kPollPage = (sizeof(VcpuContext) + kPageSize - 1) / kPageSize * kPageSize;  // behind the context
    static const void* poll_page(const VcpuContext& context) {
        return reinterpret_cast<const uint8_t*>(&context) + kPollPage;
    }
    // Is it such a comparison, of what differs, that faulted there? Only if the host had room: VcpuContext::compares.
    static bool is_difference(const VcpuContext& context, uint64_t address) {
        return address - reinterpret_cast<uint64_t>(poll_page(context)) - kPageSize < kDifferences;
    }

private:
    static constexpr uint64_t kDifferences = uint64_t{1} << 32;

    VcpuContext* context_ = nullptr;
    size_t bytes_ = 0;
};

}  // namespace ringfold
