// What the segments engine does with a host fault in its code: back to 64-bit code, and the monitor's stack.
#pragma once

#include "translator/cache/code_cache.h"
#include "translator/engine/host_faults.h"

namespace ringfold::segments {

class SegmentsFaults final : public HostFaultHandler {
public:
    // `entry`: the stub that goes on, in 64-bit code.
    SegmentsFaults(VcpuContext& context, const CodeCache& cache, const void* entry)
        : context_(context), cache_(cache), entry_(entry) {}
    bool handle(int signal, const siginfo_t& info, ucontext_t& host) override;

private:
    VcpuContext& context_;
    const CodeCache& cache_;
    const void* entry_;
};

}  // namespace ringfold::segments
