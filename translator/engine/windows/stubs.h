// The windows engine's fixed host code: the world switch, and the calls that translations make into the monitor.
//
// Every call into the monitor works alike: the guest's registers and flags go to VcpuContext, the monitor's stack
// is taken, a C++ function decides, and its answer is the host address to go on at. A function that wants to leave
// translated code answers `leave`.
#pragma once

#include "translator/cache/block.h"
#include "translator/cache/code_cache.h"
#include "translator/engine/engine.h"
#include "translator/engine/windows/string_stubs.h"

namespace ringfold::windows {

struct Stubs : WorldSwitch {
    // r9: Site*, r8d: linear address
    const void* soft_miss;
    // The same for a store, which passes at once if it is to a page of code but not to code.
    const void* soft_write_miss;
    // r9: Site*
    const void *step, *stop, *fpu, *divide_error;
    // r9: Site*, r8d: the vector of a fault without an error code, or with 0 as #GP's
    const void* fault;
    // r9: Site*, r10: where the instruction's code ends; for ports r8d: port, and size in bits 16 and up
    const void *port_in, *port_out, *quick, *light_step;
    // Changes of privilege without the monitor, or by `stop` if the case is not the common one. r9: Site*; for INT n
    // also r8d: vector, r10d: return EIP.
    const void *interrupt[2], *iret, *sysenter, *sysexit;  // [1]: from user code
    // INT n and IRET of usual real-mode code, whose segmentation is in r11d; see real_stubs.h.
    const void *real_interrupt, *real_iret;
    // r9: Block*, whose heat is used up
    const void* hot;
    // r9: Link*
    const void* link;
    // r8d: the target EIP, looked up in the jump cache
    const void* indirect;  // ... or, by look_up, straight to the monitor
    // The same for a return that the host return stack led astray, or that found it empty; any_page_return_miss: to where the
    // page's base, pushed at the call, is still to be popped.
    const void *return_miss, *return_empty, *any_page_return_miss;
    // The same in code that is not flat, whose segmentation is in r9d.
    const void *segmented_indirect, *segmented_return_miss, *segmented_return_empty;
    // Where the signal handler sends a host fault in translated code, on the monitor's stack, r14 set.
    const void* host_fault;
    StringStubs strings;
};

// What a dead block's first bytes become, and the thunk of a link that cannot be chained: load r8d with the EIP, which with
// `any_page` is an offset from VcpuContext::page_base, and jump to the stub that looks it up.
inline constexpr uint32_t forwarder_bytes(bool any_page) { return any_page ? 19 : 11; }
void write_jump(CodeCache&, const uint8_t* at, GuestVirt eip, bool any_page, const void* to);
// The thunk of a link as it was at first.
void write_exit_thunk(CodeCache&, const Link&, const void* stub);

Stubs emit_stubs(CodeCache&, const MonitorFunctions&);

}  // namespace ringfold::windows
