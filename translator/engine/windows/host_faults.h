// What the windows engine does with a host fault in its code (see engine/host_faults.h), and the host's %gs.
#pragma once

#include "translator/cache/code_cache.h"
#include "translator/engine/host_faults.h"
#include "translator/engine/windows/return_stack.h"
#include "translator/engine/windows/stubs.h"

namespace ringfold::windows {

class WindowsFaults final : public HostFaultHandler {
public:
    WindowsFaults(VcpuContext& context, const CodeCache& cache, const ReturnStacks& stacks, const Stubs& stubs)
        : context_(context), cache_(cache), stacks_(stacks), stubs_(stubs) {}
    bool handle(int signal, const siginfo_t& info, ucontext_t& host) override;

private:
    bool restart_return_stack(const siginfo_t& info, mcontext_t& m) const;

    VcpuContext& context_;
    const CodeCache& cache_;
    const ReturnStacks& stacks_;
    const Stubs& stubs_;
};

// May code of ours set %gs without the host's help?
bool has_fsgsbase();
// Has %gs hold this window's base.
void set_window(uint64_t base);

}  // namespace ringfold::windows
