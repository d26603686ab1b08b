// Far JMP, CALL and RET: to segments, through call gates and task gates, and to tasks (SDM volume 3, 5.8).
#include "translator/interpreter/segment.h"
#include "translator/interpreter/handlers.h"
#include "translator/interpreter/task.h"

namespace ringfold::interpreter {

namespace {

struct FarPointer {
    uint16_t selector;
    uint32_t offset;
};

FarPointer far_operand(Interpreter& cpu, const Instruction& i) {
    if (!i.has_memory) {
        const uint32_t mask = i.operand_size == 2 ? 0xffff : 0xffffffff;
        return {static_cast<uint16_t>(i.immediate2), i.immediate & mask};
    }
    const uint32_t at = cpu.effective_address(i);
    const uint32_t mask = i.memory.address_size == 2 ? 0xffff : 0xffffffff;
    const uint32_t offset = cpu.read(i.memory.segment, at, i.operand_size);
    return {static_cast<uint16_t>(cpu.read(i.memory.segment, (at + i.operand_size) & mask, 2)), offset};
}

void enter(Interpreter& cpu, const SegmentRegister& cs, unsigned cpl, uint32_t eip) {
    set_code_segment(cpu.state(), cs, cpl);
    cpu.next_eip = eip;
}

// CS as a far transfer in real or v86 mode leaves it.
SegmentRegister unprotected_code(const CpuState& s, uint16_t selector) {
    return s.v86() ? v86_segment(selector) : real_mode_segment(s, s.segment[CS], selector);
}

enum class Transfer { Jump, Call };

// Privilege and presence of a code segment that is entered directly, or by JMP through a gate: no change of CPL.
void check_same_ring_code(const CpuState& s, const Descriptor& d, uint16_t selector, unsigned requested) {
    const bool allowed = d.conforming() ? d.dpl() <= s.cpl : requested <= s.cpl && d.dpl() == s.cpl;
    if (!allowed) throw GuestFault::general_protection(selector_error(selector));
    if (!d.present()) throw GuestFault::not_present(selector_error(selector));
}

void transfer_same_ring(Interpreter& cpu, Descriptor d, FarPointer to, unsigned size, Transfer kind) {
    CpuState& s = cpu.state();
    StackFrame stack(cpu);
    if (kind == Transfer::Call) stack.require_room(2 * size);
    check_entry_point(d.as_register(to.selector), to.offset);
    if (kind == Transfer::Call) {
        stack.push(s.segment[CS].selector, size);
        stack.push(cpu.next_eip, size);
    }
    mark_accessed(cpu, to.selector, d);
    s.gpr[ESP] = stack.esp();
    enter(cpu, d.as_register(to.selector), s.cpl, to.offset);
}

std::array<uint32_t, 31> read_parameters(Interpreter& cpu, unsigned count, unsigned size) {
    std::array<uint32_t, 31> parameters{};
    StackFrame old(cpu);
    for (unsigned n = 0; n < count; ++n) parameters[n] = old.pop(size);
    return parameters;
}

// CALL through a gate to a more privileged segment: a new stack, and parameters copied to it.
void call_inner_ring(Interpreter& cpu, const Descriptor& gate, Descriptor code) {
    CpuState& s = cpu.state();
    const unsigned cpl = code.dpl(), size = gate.gate_is_32bit() ? 4 : 2, count = gate.gate_parameters();
    const uint16_t selector = gate.gate_selector();
    const RingStack ring = ring_stack(cpu, cpl);
    const SegmentRegister ss = new_stack_segment(cpu, ring.ss, cpl, Vector::TS);
    StackFrame stack(cpu, ss, ring.esp, Privilege::Supervisor, selector_error(ring.ss));
    stack.require_room(size * (4 + count));
    check_entry_point(code.as_register(selector), gate.gate_offset());
    const auto parameters = read_parameters(cpu, count, size);
    stack.push(s.segment[SS].selector, size);
    stack.push(s.gpr[ESP], size);
    for (unsigned n = count; n-- > 0;) stack.push(parameters[n], size);
    stack.push(s.segment[CS].selector, size);
    stack.push(cpu.next_eip, size);
    mark_accessed(cpu, selector, code);
    s.segment[SS] = ss;
    s.gpr[ESP] = stack.esp();
    enter(cpu, code.as_register(selector), cpl, gate.gate_offset());
}

void transfer_through_call_gate(Interpreter& cpu, const Descriptor& gate, Transfer kind) {
    const CpuState& s = cpu.state();
    const uint16_t selector = gate.gate_selector();
    if (is_null(selector)) throw GuestFault::general_protection();
    const Descriptor code = fetch_descriptor(cpu, selector);
    if (!code.is_code() || code.dpl() > s.cpl) throw GuestFault::general_protection(selector_error(selector));
    if (kind == Transfer::Call && !code.conforming() && code.dpl() < s.cpl) {
        if (!code.present()) throw GuestFault::not_present(selector_error(selector));
        return call_inner_ring(cpu, gate, code);
    }
    check_same_ring_code(s, code, selector, 0);  // the gate's selector has no RPL that counts
    transfer_same_ring(cpu, code, {selector, gate.gate_offset()}, gate.gate_is_32bit() ? 4 : 2, kind);
}

void transfer_to_task(Interpreter& cpu, uint16_t selector, Transfer kind) {
    const Descriptor tss = find_task(cpu, selector);
    switch_task(cpu, selector, tss, kind == Transfer::Call ? TaskSwitch::Nest : TaskSwitch::Jump, cpu.next_eip);
}

void transfer_to_system_descriptor(Interpreter& cpu, const Descriptor& d, uint16_t selector, Transfer kind) {
    const GuestFault bad = GuestFault::general_protection(selector_error(selector));
    const bool gate = d.is_call_gate() || d.is_task_gate();
    if (!gate && !d.is_tss()) throw bad;
    if (d.dpl() < cpu.state().cpl || d.dpl() < rpl(selector)) throw bad;
    if (!gate) return transfer_to_task(cpu, selector, kind);
    if (!d.present()) throw GuestFault::not_present(selector_error(selector));
    if (d.is_task_gate()) return transfer_to_task(cpu, d.gate_selector(), kind);
    transfer_through_call_gate(cpu, d, kind);
}

void transfer_protected(Interpreter& cpu, FarPointer to, unsigned size, Transfer kind) {
    if (is_null(to.selector)) throw GuestFault::general_protection();
    const Descriptor d = fetch_descriptor(cpu, to.selector);
    if (d.is_system()) return transfer_to_system_descriptor(cpu, d, to.selector, kind);
    if (!d.is_code()) throw GuestFault::general_protection(selector_error(to.selector));
    check_same_ring_code(cpu.state(), d, to.selector, rpl(to.selector));
    transfer_same_ring(cpu, d, to, size, kind);
}

void transfer_unprotected(Interpreter& cpu, FarPointer to, unsigned size, Transfer kind) {
    CpuState& s = cpu.state();
    const SegmentRegister cs = unprotected_code(s, to.selector);
    StackFrame stack(cpu);
    if (kind == Transfer::Call) stack.require_room(2 * size);
    check_entry_point(cs, to.offset);
    if (kind == Transfer::Call) {
        stack.push(s.segment[CS].selector, size);
        stack.push(cpu.next_eip, size);
        s.gpr[ESP] = stack.esp();
    }
    enter(cpu, cs, s.cpl, to.offset);
}

void transfer(Interpreter& cpu, const Instruction& i, Transfer kind) {
    const FarPointer to = far_operand(cpu, i);
    if (segments_are_real(cpu.state()))
        transfer_unprotected(cpu, to, i.operand_size, kind);
    else
        transfer_protected(cpu, to, i.operand_size, kind);
}

}  // namespace

void jmp_far(Interpreter& cpu, const Instruction& i) { transfer(cpu, i, Transfer::Jump); }
void call_far(Interpreter& cpu, const Instruction& i) { transfer(cpu, i, Transfer::Call); }

// --- RET ---------------------------------------------------------------------------------------------------

Descriptor return_code_segment(Interpreter& cpu, uint16_t selector) {
    if (is_null(selector)) throw GuestFault::general_protection();
    const Descriptor d = fetch_descriptor(cpu, selector);
    const bool allowed = d.is_code() && rpl(selector) >= cpu.state().cpl &&
                         (d.conforming() ? d.dpl() <= rpl(selector) : d.dpl() == rpl(selector));
    if (!allowed) throw GuestFault::general_protection(selector_error(selector));
    if (!d.present()) throw GuestFault::not_present(selector_error(selector));
    return d;
}

void load_outer_stack(CpuState& s, const SegmentRegister& ss, uint32_t esp) {
    s.segment[SS] = ss;
    s.gpr[ESP] = ss.big() ? esp : (s.gpr[ESP] & 0xffff0000) | (esp & 0xffff);
}

namespace {

void return_unprotected(Interpreter& cpu, unsigned size, uint32_t release) {
    CpuState& s = cpu.state();
    StackFrame stack(cpu);
    stack.require_content(2 * size);
    const uint32_t eip = stack.pop(size);
    const SegmentRegister cs = unprotected_code(s, static_cast<uint16_t>(stack.pop(size)));
    check_entry_point(cs, eip);
    stack.skip(release);
    s.gpr[ESP] = stack.esp();
    enter(cpu, cs, s.cpl, eip);
}

void return_outer(Interpreter& cpu, StackFrame& stack, uint16_t selector, Descriptor code, uint32_t eip,
                  unsigned size, uint32_t release) {
    CpuState& s = cpu.state();
    const unsigned cpl = rpl(selector);
    stack.skip(release);
    stack.require_content(2 * size);
    const uint32_t esp = stack.pop(size);
    const auto ss_selector = static_cast<uint16_t>(stack.pop(size));
    const SegmentRegister ss = new_stack_segment(cpu, ss_selector, cpl, Vector::GP);
    check_entry_point(code.as_register(selector), eip);
    mark_accessed(cpu, selector, code);
    load_outer_stack(s, ss, esp + release);
    enter(cpu, code.as_register(selector), cpl, eip);
    drop_inner_data_segments(s);
}

void return_protected(Interpreter& cpu, unsigned size, uint32_t release) {
    CpuState& s = cpu.state();
    StackFrame stack(cpu);
    stack.require_content(2 * size);
    const uint32_t eip = stack.pop(size);
    const auto selector = static_cast<uint16_t>(stack.pop(size));
    Descriptor code = return_code_segment(cpu, selector);
    if (rpl(selector) > s.cpl) return return_outer(cpu, stack, selector, code, eip, size, release);
    check_entry_point(code.as_register(selector), eip);
    mark_accessed(cpu, selector, code);
    stack.skip(release);
    s.gpr[ESP] = stack.esp();
    enter(cpu, code.as_register(selector), s.cpl, eip);
}

}  // namespace

constexpr uint8_t kRetFarImmediate = 0xca;

void ret_far(Interpreter& cpu, const Instruction& i) {
    const uint32_t release = i.opcode == kRetFarImmediate ? i.immediate & 0xffff : 0;
    if (segments_are_real(cpu.state()))
        return_unprotected(cpu, i.operand_size, release);
    else
        return_protected(cpu, i.operand_size, release);
}

}  // namespace ringfold::interpreter
