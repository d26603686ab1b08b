// The memory of a VcpuContext: shareable, so that an engine can map it a second time where its code reaches it. The page
// before it is for polls (poll_page.h), so that one register reaches both.
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
    static const void* poll_page(const VcpuContext& context) {
        return reinterpret_cast<const uint8_t*>(&context) - kPageSize;
    }

private:
    VcpuContext* context_ = nullptr;
};

}  // namespace ringfold
