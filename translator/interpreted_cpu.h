// -accel interp: a Cpu that runs every instruction through the interpreter. The reference for the translator.
#pragma once

#include <atomic>

#include "translator/decode/decode_cache.h"
#include "translator/interpreter/interpreter.h"
#include "vmm/base/cpu.h"

namespace ringfold {

class InterpretedCpu final : public Cpu, private MappingListener {
public:
    InterpretedCpu(CpuState&, GuestMemory&, PortIo&, InterruptController&);
    ~InterpretedCpu() override;

    Exit run() override;
    CpuState& state() override { return state_; }
    void kick() noexcept override;
    void interrupt_line_changed() noexcept override;

    struct Counts {
        uint64_t instructions = 0, interrupts = 0;
    };
    const Counts& counts() const { return counts_; }
    const DecodeCache::Counts& decode_counts() const { return decoded_.counts(); }

private:
    void take_interrupts();
    void run_one();

    void code_mapping_changed(Privilege) override { decoded_.mappings_changed(); }
    void code_page_changed(Privilege, GuestVirt) override { decoded_.mappings_changed(); }
    void view_changed(Privilege) override { decoded_.mappings_changed(); }

    CpuState& state_;
    GuestMemory& memory_;
    InterruptController& interrupts_;
    Interpreter interpreter_;
    DecodeCache decoded_;
    std::atomic<bool> kicked_ = false;
    bool line_ = false;           // INTR or NMI as last seen
    std::atomic<int> attention_ = 0;  // non-zero if kicked or while INTR is up: the REP instructions' stop flag
    Counts counts_;
};

}  // namespace ringfold
