// The memory of a VcpuContext: shareable, so that an engine can map it a second time where its code reaches it.
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

private:
    VcpuContext* context_ = nullptr;
};

}  // namespace ringfold
