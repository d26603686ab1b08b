// PUSHF, POPF, CLI and STI: EFLAGS by CPL and IOPL (SDM volume 2, POPF, table 4-15).
#include "translator/interpreter/handlers.h"

namespace ringfold::interpreter {

namespace {

// In v86 mode CPL is 3, so that this is the manual's "VM = 1 and IOPL < 3" too.
void require_iopl(const CpuState& s) {
    if (s.cpl > s.iopl()) throw GuestFault::general_protection();
}

uint32_t popf_mask(const CpuState& s, unsigned size) {
    uint32_t mask = flag::kArithmetic | flag::TF | flag::DF | flag::NT;
    if (s.cpl <= s.iopl()) mask |= flag::IF;
    if (s.cpl == 0) mask |= flag::IOPL;
    if (size == 4) mask |= flag::AC | flag::ID;
    return mask;
}

}  // namespace

void pushf(Interpreter& cpu, const Instruction& i) {
    const CpuState& s = cpu.state();
    if (s.v86()) require_iopl(s);
    cpu.push(s.eflags() & ~(flag::RF | flag::VM), i.operand_size);
}

void popf(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    if (s.v86()) require_iopl(s);
    const uint32_t mask = popf_mask(s, i.operand_size);
    const uint32_t value = cpu.pop(i.operand_size);
    s.set_eflags((s.eflags() & ~mask) | (value & mask));
    if (i.operand_size == 4 && !s.v86()) s.system_flags &= ~(flag::VIF | flag::VIP);
}

void cli(Interpreter& cpu, const Instruction&) {
    require_iopl(cpu.state());
    cpu.state().interrupt_flag = 0;
}

void sti(Interpreter& cpu, const Instruction&) {
    CpuState& s = cpu.state();
    require_iopl(s);
    if (!s.interrupt_flag) s.interrupt_shadow = 1;
    s.interrupt_flag = 1;
}

}  // namespace ringfold::interpreter
