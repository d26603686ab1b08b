// -user direct: guest user mode runs as code of this process, untranslated. What must not reach the host is caught: its system
// calls by syscall user dispatch, everything privileged by the faults that it raises in user mode.
//
// This is for guests that are trusted: such code reads the host's CPUID, time-stamp counter and descriptor-table addresses, sees
// selectors of the host's LDT, and can jump to the host's 64-bit code segment. See docs/segments.md.
#pragma once

#include <signal.h>
#include <ucontext.h>

#include "translator/engine/engine.h"
#include "translator/engine/segments/stubs.h"

namespace ringfold::segments {

class UserDirect {
public:
    // Throws HostError if the host cannot do it, with what is missing.
    UserDirect(VcpuContext& context, const Stubs& stubs);
    ~UserDirect();
    UserDirect(const UserDirect&) = delete;
    UserDirect& operator=(const UserDirect&) = delete;

    // This thread runs the guest from now on.
    void begin_run();
    bool runs(const Mode&) const;
    // With the host's selectors in SegmentsState: all that is left to be done before the entry stub.
    void prepare();
    UntranslatedExit leave();
    std::array<std::optional<uint16_t>, kSegments> loads() const;
    // In any thread, and in signal handlers. VcpuContext::attention is set.
    void interrupt() noexcept;

    // In signal context. False: the signal did not meet the guest's code.
    bool take_over(int signal, const siginfo_t& info, ucontext_t& host);

private:
    UntranslatedExit kind() const;
    uint32_t instruction_behind(uint32_t eip) const;

    VcpuContext& context_;
    const Stubs& stubs_;
    int thread_ = 0;
    uint64_t thread_pointer_ = 0;  // what %fs holds in this thread, but perhaps not while the guest's code runs
    std::array<uint16_t, kSegments> found_{}, given_{};  // selectors, when it came to an end and when it began
    bool lost_place_ = false;      // SYSCALL has overwritten EIP
};

}  // namespace ringfold::segments
