// What translated code reaches through its state register (r14): the guest CPU's state, and behind it the
// monitor's own hot fields. One per vCPU; its offsets are baked into translations.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "shadowmmu/view.h"
#include "vmm/base/cpu_state.h"

namespace ringfold {

class TranslatedCpu;

// The guest's registers and the host's at a host fault, as the signal handler found them.
struct HostFault {
    uint32_t gpr[8];  // encoding order: eax ecx edx ebx esp ebp esi edi
    uint64_t rip, rflags;
    uint64_t address;  // si_addr
    uint32_t target;   // the EIP that a jump or return had in hand; only where such a one faulted
    int signal;
    uint32_t trap, error;  // x86 trap number and error code
};

// Descriptors loaded lately, by selector; see SegmentCache. An entry holds its selector if the tag is its negative
// (with kUser added for CPL 3, since what may be loaded depends on CPL).
struct SegmentSlots {
    static constexpr uint32_t kSlots = 256;
    static constexpr uint32_t kUser = 1u << 16;
    static constexpr uint32_t kEmpty = 1;  // minus 0xffffffff: no selector
    static constexpr uint32_t index(uint16_t selector) { return selector >> 3 & (kSlots - 1); }

    std::array<uint32_t, kSlots> any;   // good for FS and GS
    std::array<uint32_t, kSlots> flat;  // good for DS and ES too: base 0, limit 4 GiB, writable
    std::array<SegmentRegister, kSlots> value;
    std::array<uint8_t, kSlots> odd;    // what odd_fs or odd_gs becomes
    std::array<uint64_t, kSlots> read_check, write_check;  // see SegmentChecks
};

// A segment's type and limit as one number for each kind of access: added to the offset of an access's last byte, it
// reaches kNever if the interpreter has to look at the access.
struct SegmentChecks {
    static constexpr uint64_t kNever = uint64_t{1} << 32;
    uint64_t read, write;
};

// What a change of privilege within the code cache needs to know of both sides; arrays are indexed by Privilege. The
// monitor fills in the side that it enters. Sequences that cross (gate_stubs.cpp) do so only to a side that is ready.
struct Crossing {
    std::array<uint8_t, 2> ready{};           // what follows is known for that side
    uint8_t user_stack = 0;                   // 1: the user's host return stack is in use
    uint8_t windows = 0;                      // 1: some translation is direct, so %gs must hold the window
    std::array<uint64_t, 2> view_register{};  // as r15 holds the view
    std::array<uint64_t, 2> window{};         // base, as %gs holds it
    uint64_t window_now = 0;                  // what %gs holds
    std::array<uint64_t, 2> return_top{};     // rsp of the empty host return stack
    uint64_t user_return_rsp = 0;             // where the user's stack was left
};

// What 32-bit code of the segments engine needs beside; it reaches this by %gs.
struct SegmentsState {
    std::array<uint32_t, 8> spill{};     // registers set aside, in encoding order
    std::array<uint32_t, 6> selector{};  // of the guest's segment registers, as PUSH stores them
    uint64_t subject = 0;                // of a call of the monitor: Site*, Block* or Link*
    uint32_t argument = 0;               // ... or an EIP
    uint32_t far_offset = 0;             // of the world switch's far jump, and behind it
    uint16_t far_selector = 0;
    uint16_t ds = 0, es = 0, ss = 0, gs = 0;  // host selectors
    uint8_t untranslated = 0;            // 1 while guest code runs as it is; the host's kernel reads it: see syscall_dispatch.h
    uint32_t untranslated_flags = 0;     // EFLAGS it starts with
    uint32_t segmentation = 0;           // Segmentation::id of the code that runs
    uint32_t jump_mask = 0u - (1u << (32 - kJumpBits));
    uint32_t top_mask = 0, top_page_mask = 0;  // of an address: is it behind the hole, and which page there
};
static_assert(offsetof(SegmentsState, far_selector) == offsetof(SegmentsState, far_offset) + 4, "JMP m16:32");

struct alignas(64) VcpuContext {
    CpuState cpu;

    // The View of the current privilege, as r15 holds it (see registers.h).
    uint64_t view_register = 0;
    // Non-zero once an event waits: for those who look without a poll. REP instructions stop for it.
    std::atomic<int> attention = 0;
    // INTR is asserted or an NMI waits: STI, POPF and IRET must look. Changed on the vCPU's thread only.
    uint8_t irq_asserted = 0;
    // Zero while the guest's FPU state is in the host's registers; then cpu.fpu is out of date.
    uint8_t fpu_saved = 1;
    // Set by the monitor when it resumes in the middle of a translation that needs the FPU state loaded.
    uint8_t reload_fpu = 0;
    // Non-zero where FS or GS is not a writable data segment with a limit of 4 GiB: accesses are simulated.
    uint8_t odd_fs = 1, odd_gs = 1;
    uint8_t fault_with_fpu = 0;  // fpu_saved was zero when the host fault came
    uint32_t host_mxcsr = 0x1f80;

    uint64_t monitor_rsp = 0;       // the monitor's stack while translated code runs
    uint64_t return_rsp = 0;        // the host return stack while the monitor runs
    uint64_t return_top = 0;        // rsp of the empty one
    const void* next_pc = nullptr;  // where the monitor's answer resumes

    // In code that is not flat; see SegmentChecks. Kept by whoever loads a segment register.
    std::array<uint64_t, kSegments> read_check{}, write_check{};
    // Non-zero where a load in real mode changes more than selector and base.
    std::array<uint8_t, kSegments> odd_real{};

    uint64_t page_base = 0;  // the linear page, of 32 bits, that a block runs in which runs in any: see BlockKey
    uint32_t scratch = 0;  // kept within one instruction: across two accesses, or what is left of ECX behind a portion

    // Masks that translated code takes from memory: PEXT and PDEP leave the flags alone.
    uint32_t arithmetic_mask = flag::kArithmetic;

    SegmentSlots segments{};
    HostFault fault{};
    uint64_t string_site = 0;  // of the string stub that runs
    // What a stub sets aside while it uses the flags.
    uint64_t aside_rax = 0;
    uint16_t aside_flags = 0;

    // Which guest memory a store may change unheard: RAM's host address, the tracer's kinds by page, CodeMap's bits.
    const uint8_t *ram = nullptr, *trace_kinds = nullptr, *code_bits = nullptr;
    uint64_t writes_beside_code = 0;
    TranslatedCpu* owner = nullptr;

    Crossing crossing{};
    uint32_t exception_vector = 0, exception_error = 0;  // of the fault that is being delivered
    // More masks for PEXT.
    uint32_t bit_offset_mask = 31;
    uint32_t task_switched_mask = cr0::TS;
    uint32_t time_stamp_disable_mask = cr4::TSD;
    SegmentsState segments_state{};
    int backing_fd = -1;  // the file whose start is this memory, if it is one: see VcpuMemory
    uint8_t compares = 0;  // the memory behind it compares: see VcpuMemory
};

static_assert(offsetof(VcpuContext, cpu) == 0, "r14 addresses CpuState too");

}  // namespace ringfold
