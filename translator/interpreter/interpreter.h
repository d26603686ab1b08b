// The meaning of every instruction. The translator calls it for whatever it does not emit itself, and tests
// hold the translator to it.
//
// Layout: step.cpp fetches, decodes and runs; one file per family defines the handlers that the fourth
// column of classify/instructions.def names. A handler either completes its instruction, having set EIP if it
// branches, or throws GuestFault with the state as it was before. step() then delivers the fault.
#pragma once

#include <atomic>

#include "shadowmmu/guest_memory.h"
#include "translator/decode/instruction.h"
#include "vmm/base/cpu.h"
#include "vmm/base/fault.h"
#include "vmm/base/io.h"

namespace ringfold {

// What one call of step() did.
enum class Step : uint8_t {
    Done,         // one instruction completed, or a fault or trap was delivered: look at state
    Repeat,       // a string instruction gave up between two elements because an event is pending
    TripleFault,  // the guest shut down; state.activity is Shutdown
};

class Interpreter {
public:
    Interpreter(CpuState& state, GuestMemory& memory, PortIo& ports) : state_(state), memory_(memory), ports_(ports) {}

    // Executes the instruction at CS:EIP, with every trap and fault that belongs to it delivered through the
    // guest's IDT. REP string instructions run to the end, unless *stop becomes non-zero between elements.
    Step step();
    // The same for an instruction already fetched and decoded (code breakpoints have been looked at).
    Step execute(const Instruction&);
    // Delivers an external interrupt (the vector from the interrupt controller) and leaves HLT.
    Step interrupt(uint8_t vector);
    // Delivers a fault that translated code met, with state.eip at the faulting instruction.
    Step fault(const GuestFault&);

    // Delivers an NMI, which is blocked from then on until IRET.
    Step nmi();

    // A REP instruction stops early once this is non-zero. Never null.
    const std::atomic<int>* stop = &kNever;
    bool stops() const { return stop->load(std::memory_order_relaxed); }
    // Whose base address IA32_APIC_BASE is; null: there is no local APIC.
    InterruptController* interrupts = nullptr;

    // --- for the handlers ---------------------------------------------------------------------------------
    CpuState& state() { return state_; }
    GuestMemory& memory() { return memory_; }
    PortIo& ports() { return ports_; }

    // EIP of the next instruction, truncated to 16 bits when CS.D is clear. A handler that branches assigns
    // next_eip; step() commits it to state.eip only if the handler returns.
    uint32_t next_eip = 0;

    // Explicit operand i of the instruction, zero-extended (at most 32 bits: GPR, memory, immediate, segment).
    uint32_t read_operand(const Instruction&, int i);
    void write_operand(const Instruction&, int i, uint32_t value);

    // The linear address of `size` bytes at segment:offset after all segment checks of the SDM (presence, type,
    // limit, expand-down; v86 and real mode too). Throws #GP(0), or #SS(0) for SS.
    GuestVirt linear(unsigned segment, uint32_t offset, unsigned size, Access);
    uint32_t effective_address(const Instruction&) const;
    GuestVirt operand_address(const Instruction&, Access);  // linear() of the memory operand

    // Memory through a segment, at the privilege of CPL. `size` 1, 2 or 4.
    uint32_t read(unsigned segment, uint32_t offset, unsigned size);
    void write(unsigned segment, uint32_t offset, unsigned size, uint32_t value);

    // Memory by an address that linear() gave. `size` 1, 2 or 4.
    uint32_t load(GuestVirt, unsigned size);
    void store(GuestVirt, unsigned size, uint32_t value);
    // operand_address() for read-modify-write: every fault that the write would meet is thrown here, so that it
    // is seen as a write fault and comes before the read.
    GuestVirt modify_address(const Instruction&);

    // The stack, by SS.B. `size` is the operand's, 2 or 4. pop() moves ESP; a fault leaves it alone.
    void push(uint32_t value, unsigned size);
    uint32_t pop(unsigned size);

private:
    CpuState& state_;
    GuestMemory& memory_;
    PortIo& ports_;
    static constexpr std::atomic<int> kNever = 0;
};

}  // namespace ringfold

#include "translator/interpreter/operands.h"
