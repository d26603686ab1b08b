// The segments engine's fixed host code: the world switch by far jumps between 64-bit and 32-bit code, and the calls that
// translations make into the monitor.
#pragma once

#include "translator/engine/engine.h"

namespace ringfold::segments {

struct Stubs : WorldSwitch {
    // 32-bit code. SegmentsState::subject: Site*, Block* or Link*.
    const void *step, *stop, *fpu, *hot, *link;
    // Where an empty entry of a jump table leads: ecx is the target EIP, eax and ecx are set aside. (look_up has it in
    // SegmentsState::argument, and all registers the guest's.)
    const void* jump_miss;
    const void* host_fault;  // 64-bit code: where the signal handler goes on
    // 64-bit code that runs the guest's as it is, from CpuState; what it does from `entry_checked` to `entry_end` can be given up
    // by going on at `entry_given_up`. And where the signal handler goes on.
    const void *untranslated, *entry_checked, *entry_end, *entry_given_up, *untranslated_exit;
};

Stubs emit_stubs(CodeCache&, VcpuContext&, const MonitorFunctions&);

}  // namespace ringfold::segments
