// SYSENTER and SYSEXIT: flat segments made from the MSR, no descriptor read (SDM volume 3, 5.8.7).
#include "translator/interpreter/handlers.h"
#include "translator/interpreter/segment.h"

namespace ringfold::interpreter {

namespace {

constexpr uint16_t kFlatCode = 0xc09b, kFlatData = 0xc093;

void load_flat(CpuState& s, uint16_t cs, uint16_t ss, unsigned cpl) {
    const auto dpl = static_cast<uint16_t>(cpl << 5);
    set_code_segment(s, {static_cast<uint16_t>(cs | cpl), static_cast<uint16_t>(kFlatCode | dpl), 0, 0xffffffff}, cpl);
    s.segment[SS] = {static_cast<uint16_t>(ss | cpl), static_cast<uint16_t>(kFlatData | dpl), 0, 0xffffffff};
}

uint16_t sysenter_selector(const CpuState& s) {
    const auto selector = static_cast<uint16_t>(s.sysenter_cs & 0xfffc);
    if (!s.protected_mode() || selector == 0) throw GuestFault::general_protection();
    return selector;
}

}  // namespace

void sysenter(Interpreter& cpu, const Instruction&) {
    CpuState& s = cpu.state();
    const uint16_t cs = sysenter_selector(s);
    s.system_flags &= ~(flag::VM | flag::RF);
    s.interrupt_flag = 0;
    load_flat(s, cs, static_cast<uint16_t>(cs + 8), 0);
    s.gpr[ESP] = s.sysenter_esp;
    cpu.next_eip = s.sysenter_eip;
}

void sysexit(Interpreter& cpu, const Instruction&) {
    CpuState& s = cpu.state();
    const uint16_t cs = sysenter_selector(s);
    if (s.cpl != 0) throw GuestFault::general_protection();
    load_flat(s, static_cast<uint16_t>(cs + 16), static_cast<uint16_t>(cs + 24), 3);
    s.gpr[ESP] = s.gpr[ECX];
    cpu.next_eip = s.gpr[EDX];
}

}  // namespace ringfold::interpreter
