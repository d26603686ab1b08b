// IRET in all its forms (SDM volume 2, IRET): real, v86, same ring, outer ring, to v86, and to another task.
#include "translator/interpreter/handlers.h"
#include "translator/interpreter/segment.h"
#include "translator/interpreter/task.h"

namespace ringfold::interpreter {

namespace {

struct Frame {
    uint32_t eip;
    uint16_t cs;
    uint32_t eflags;
};

Frame pop_frame(StackFrame& stack, unsigned size) {
    stack.require_content(3 * size);
    const uint32_t eip = stack.pop(size);
    const auto cs = static_cast<uint16_t>(stack.pop(size));
    return {eip, cs, stack.pop(size)};
}

// EFLAGS bits that IRET may change at this CPL. VM is never among them: see return_to_v86().
uint32_t changeable_flags(const CpuState& s, unsigned size) {
    uint32_t mask = flag::kArithmetic | flag::TF | flag::DF | flag::NT;
    if (size == 4) mask |= flag::RF | flag::AC | flag::ID;
    if (s.cpl <= s.iopl()) mask |= flag::IF;
    if (s.cpl == 0) mask |= flag::IOPL | (size == 4 ? flag::VIF | flag::VIP : 0);
    return mask;
}

void merge_flags(CpuState& s, uint32_t value, uint32_t mask) { s.set_eflags((s.eflags() & ~mask) | (value & mask)); }

void iret_unprotected(Interpreter& cpu, unsigned size) {
    CpuState& s = cpu.state();
    if (s.v86() && s.iopl() < 3) throw GuestFault::general_protection();
    StackFrame stack(cpu);
    const Frame f = pop_frame(stack, size);
    const SegmentRegister cs = s.v86() ? v86_segment(f.cs) : real_mode_segment(s, s.segment[CS], f.cs);
    check_entry_point(cs, f.eip);
    s.gpr[ESP] = stack.esp();
    merge_flags(s, f.eflags, changeable_flags(s, size) & ~(flag::VIF | flag::VIP));
    set_code_segment(s, cs, s.cpl);
    cpu.next_eip = f.eip;
}

void return_to_v86(Interpreter& cpu, StackFrame& stack, const Frame& f) {
    CpuState& s = cpu.state();
    stack.require_content(24);
    const uint32_t esp = stack.pop(4);
    uint16_t selector[kSegments];
    for (const SegmentIndex i : {SS, ES, DS, FS, GS}) selector[i] = static_cast<uint16_t>(stack.pop(4));
    selector[CS] = f.cs;
    check_entry_point(v86_segment(f.cs), f.eip);
    s.set_eflags(f.eflags);
    for (unsigned i = 0; i < kSegments; ++i) s.segment[i] = v86_segment(selector[i]);
    s.cpl = 3;
    s.gpr[ESP] = esp;
    cpu.next_eip = f.eip;
}

void return_same_ring(Interpreter& cpu, const StackFrame& stack, const Frame& f, Descriptor code, unsigned size) {
    CpuState& s = cpu.state();
    check_entry_point(code.as_register(f.cs), f.eip);
    mark_accessed(cpu, f.cs, code);
    s.gpr[ESP] = stack.esp();
    merge_flags(s, f.eflags, changeable_flags(s, size));
    set_code_segment(s, code.as_register(f.cs), s.cpl);
    cpu.next_eip = f.eip;
}

void return_outer_ring(Interpreter& cpu, StackFrame& stack, const Frame& f, Descriptor code, unsigned size) {
    CpuState& s = cpu.state();
    stack.require_content(2 * size);
    const uint32_t esp = stack.pop(size);
    const auto ss_selector = static_cast<uint16_t>(stack.pop(size));
    const SegmentRegister ss = new_stack_segment(cpu, ss_selector, rpl(f.cs), Vector::GP);
    check_entry_point(code.as_register(f.cs), f.eip);
    mark_accessed(cpu, f.cs, code);
    merge_flags(s, f.eflags, changeable_flags(s, size));  // by the CPL that executes the IRET
    load_outer_stack(s, ss, esp);
    set_code_segment(s, code.as_register(f.cs), rpl(f.cs));
    drop_inner_data_segments(s);
    cpu.next_eip = f.eip;
}

void iret_protected(Interpreter& cpu, unsigned size) {
    CpuState& s = cpu.state();
    if (s.system_flags & flag::NT) return return_from_task(cpu, cpu.next_eip);
    StackFrame stack(cpu);
    const Frame f = pop_frame(stack, size);
    if (size == 4 && (f.eflags & flag::VM) && s.cpl == 0) return return_to_v86(cpu, stack, f);
    const Descriptor code = return_code_segment(cpu, f.cs);
    if (rpl(f.cs) > s.cpl)
        return_outer_ring(cpu, stack, f, code, size);
    else
        return_same_ring(cpu, stack, f, code, size);
}

}  // namespace

// In v86 mode NT does not make IRET return to a task.
void iret(Interpreter& cpu, const Instruction& i) {
    if (segments_are_real(cpu.state()))
        iret_unprotected(cpu, i.operand_size);
    else
        iret_protected(cpu, i.operand_size);
    cpu.state().nmi_blocked = 0;
}

}  // namespace ringfold::interpreter
