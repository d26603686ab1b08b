// One instruction from its fetch to the last trap that belongs to it.
#include "translator/decode/fetch.h"
#include "translator/interpreter/debug.h"
#include "translator/interpreter/interrupt.h"

namespace ringfold {

namespace {

constexpr std::atomic<int> kAlways = 1;

// While each iteration may trap, REP instructions stop after each element.
class StopEachElement {
public:
    StopEachElement(Interpreter& cpu, bool wanted) : cpu_(cpu), saved_(cpu.stop) {
        if (wanted) cpu.stop = &kAlways;
    }
    ~StopEachElement() { cpu_.stop = saved_; }
    StopEachElement(const StopEachElement&) = delete;
    StopEachElement& operator=(const StopEachElement&) = delete;

private:
    Interpreter& cpu_;
    const std::atomic<int>* saved_;
};

void run_repeated(Interpreter& cpu, const Instruction& i) {
    const CpuState& s = cpu.state();
    const StopEachElement each(cpu, (s.system_flags & flag::TF) || interpreter::data_breakpoints_enabled(s));
    i.interpret(cpu, i);
}

// The INT instructions clear TF on their way, and no single-step trap follows them (SDM volume 3, 17.3.1.4).
// INTO without OF is not one of them.
bool clears_single_step(const CpuState& s, const Instruction& i) {
    const bool into = i.mnemonic == ZYDIS_MNEMONIC_INTO && !(s.system_flags & flag::TF);
    return into || i.mnemonic == ZYDIS_MNEMONIC_INT || i.mnemonic == ZYDIS_MNEMONIC_INT3 || i.mnemonic == ZYDIS_MNEMONIC_INT1;
}

Step debug_trap(Interpreter& cpu, uint32_t causes, bool repeating) {
    CpuState& s = cpu.state();
    s.pending_debug = 0;
    interpreter::record_debug_cause(s, causes);
    return interpreter::deliver(
        cpu, {interpreter::EventKind::Exception, static_cast<uint8_t>(Vector::DB), std::nullopt, repeating});
}

// What is owed after an instruction that completed: debug traps, and the next round of a REP.
[[gnu::noinline]] Step settle(Interpreter& cpu, const Instruction& i, uint32_t start_flags, bool repeating) {
    CpuState& s = cpu.state();
    uint32_t causes = s.pending_debug;
    if ((start_flags & flag::TF) && !clears_single_step(s, i)) causes |= interpreter::dr6::BS;
    if (causes) {
        if (!s.debug_shadow) return debug_trap(cpu, causes, repeating);
        s.pending_debug = causes & ~interpreter::dr6::BS;  // MOV SS: kept for after the next instruction
    }
    if (!repeating) return Step::Done;
    s.system_flags |= flag::RF;  // an interrupt taken here pushes RF set (SDM volume 3, 17.3.1.1)
    return Step::Repeat;
}

}  // namespace

Step Interpreter::step() {
    if (const uint32_t hit = interpreter::code_breakpoint_here(state_)) [[unlikely]]
        return debug_trap(*this, hit, false);
    Instruction instruction;
    try {
        fetch_instruction(state_, memory_, instruction);
    } catch (const GuestFault& f) {
        return fault(f);
    }
    return execute(instruction);
}

Step Interpreter::execute(const Instruction& i) {
    CpuState& s = state_;
    const uint32_t start_flags = s.system_flags;
    const uint32_t start_eip = s.eip;
    const bool may_repeat = i.rep || i.repne;
    s.interrupt_shadow = s.debug_shadow = 0;
    s.system_flags = start_flags & ~flag::RF;
    next_eip = (start_eip + i.length) & (s.segment[CS].big() ? 0xffffffff : 0xffff);
    try {
        may_repeat ? run_repeated(*this, i) : i.interpret(*this, i);
    } catch (const GuestFault& f) {
        return fault(f);
    }
    s.eip = next_eip;
    if ((start_flags & flag::TF) | s.pending_debug | may_repeat) [[unlikely]]
        return settle(*this, i, start_flags, may_repeat && next_eip == start_eip);
    return Step::Done;
}

}  // namespace ringfold
