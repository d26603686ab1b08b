// One virtual CPU, however it executes: by the interpreter, by the translator, or by hardware.
#pragma once

#include <variant>

#include "vmm/base/cpu_state.h"

namespace ringfold {

// Why run() returned. Ports, device memory, guest exceptions and interrupts are handled inside run().
struct Interrupted {};   // kick() was called: look at the devices and call run() again
struct Halted {};        // HLT with nothing to wake it: wait for an event, then call run() again
struct TripleFault {};   // the guest shut itself down
using Exit = std::variant<Interrupted, Halted, TripleFault>;

class Cpu {
public:
    virtual ~Cpu() = default;

    // Runs the guest on the calling thread until there is a reason to stop. Between calls state() is exact and
    // may be changed. Pending interrupts are taken from the InterruptController given at construction.
    virtual Exit run() = 0;

    virtual CpuState& state() = 0;

    // Asks run() to return Interrupted soon. The only call that is safe from another thread or a signal handler.
    virtual void kick() noexcept = 0;

    // Tells that the INTR or NMI pin may have changed. On the vCPU's thread only, also from inside run().
    virtual void interrupt_line_changed() noexcept = 0;
};

}  // namespace ringfold
