// The interpreter's run loop: events between instructions, then one instruction.
#include "translator/interpreted_cpu.h"

#include "translator/interpreter/debug.h"

namespace ringfold {

InterpretedCpu::InterpretedCpu(CpuState& state, GuestMemory& memory, PortIo& ports, InterruptController& interrupts)
    : state_(state), memory_(memory), interrupts_(interrupts), interpreter_(state, memory, ports),
      decoded_(state, memory) {
    interpreter_.stop = &attention_;
    interpreter_.interrupts = &interrupts_;
    memory_.set_listener(this);
}

InterpretedCpu::~InterpretedCpu() {
    memory_.set_listener(nullptr);
}

// Safe in a signal handler. attention_ is set last, so that run() finds kicked_ set when it looks.
void InterpretedCpu::kick() noexcept {
    kicked_.store(true);
    attention_ = 1;
}

void InterpretedCpu::interrupt_line_changed() noexcept {
    line_ = interrupts_.intr() || interrupts_.nmi();
    if (line_) attention_.store(1, std::memory_order_relaxed);
}

// NMI goes before INTR (SDM volume 3, table 6-2).
void InterpretedCpu::take_interrupts() {
    if (state_.interrupt_shadow) return;
    if (interrupts_.nmi() && !state_.nmi_blocked) {
        interrupts_.acknowledge_nmi();
        interpreter_.nmi();
    } else if (state_.interrupt_flag && interrupts_.intr()) {
        ++counts_.interrupts;
        interpreter_.interrupt(interrupts_.acknowledge());
    } else {
        return;
    }
    interrupt_line_changed();
}

void InterpretedCpu::run_one() {
    ++counts_.instructions;
    if (interpreter::breakpoints_enabled(state_)) [[unlikely]] {
        interpreter_.step();
        return;
    }
    const Instruction* instruction;
    try {
        instruction = &decoded_.fetch();
    } catch (const GuestFault& f) {
        interpreter_.fault(f);
        return;
    }
    interpreter_.execute(*instruction);
}

Exit InterpretedCpu::run() {
    interrupt_line_changed();
    for (;;) {
        if (attention_.load(std::memory_order_relaxed)) {
            if (!line_) attention_.exchange(0);  // a store might reach memory behind the look at kicked_, and undo a kick
            if (kicked_.load(std::memory_order_relaxed) && kicked_.exchange(false)) return Interrupted{};
            if (line_ && state_.activity != Activity::Shutdown) take_interrupts();
        }
        if (state_.activity == Activity::Shutdown) return TripleFault{};
        if (state_.activity == Activity::Halted) return Halted{};
        run_one();
    }
}

}  // namespace ringfold
