// Delivery of exceptions and interrupts: the real-mode vector table, gates, and the INT instructions.
#include "translator/interpreter/interrupt.h"

#include <utility>

#include "translator/interpreter/debug.h"
#include "translator/interpreter/handlers.h"
#include "translator/interpreter/segment.h"
#include "translator/interpreter/task.h"
#include "vmm/base/log.h"

namespace ringfold::interpreter {

namespace {

uint32_t idt_error(const Event& e) { return e.vector * 8u + 2 + e.ext(); }

// What every gate does to EFLAGS once they are pushed.
void enter_flags(CpuState& s, bool interrupt_gate) {
    s.system_flags &= ~(flag::TF | flag::NT | flag::RF | flag::VM);
    if (interrupt_gate) s.interrupt_flag = 0;
}

uint32_t pushed_flags(const CpuState& s, const Event& e) { return s.eflags() | (e.resume ? flag::RF : 0); }

void enter_real_mode(Interpreter& cpu, const Event& e, uint32_t return_eip) {
    CpuState& s = cpu.state();
    if (e.vector * 4u + 3 > s.idtr.limit) throw GuestFault::general_protection(idt_error(e));
    const auto entry = cpu.memory().read<uint32_t>(GuestVirt(s.idtr.base + e.vector * 4u), Privilege::Supervisor);
    StackFrame stack(cpu);
    stack.push(s.eflags(), 2);
    stack.push(s.segment[CS].selector, 2);
    stack.push(return_eip, 2);
    s.gpr[ESP] = stack.esp();
    s.system_flags &= ~(flag::TF | flag::RF | flag::AC);
    s.interrupt_flag = 0;
    set_code_segment(s, real_mode_segment(s, s.segment[CS], static_cast<uint16_t>(entry >> 16)), 0);
    s.eip = entry & 0xffff;
}

// The handler's code segment and entry point.
struct Target {
    uint16_t selector;
    Descriptor code;
    uint32_t offset;
    unsigned size;  // of each item pushed: 2 or 4
    bool interrupt_gate;
};

Target find_target(Interpreter& cpu, const Event& e, const Descriptor& gate) {
    const uint32_t ext = e.ext();
    const uint16_t selector = gate.gate_selector();
    if (is_null(selector)) throw GuestFault::general_protection(ext);
    const Descriptor code = fetch_descriptor(cpu, selector, Vector::GP, ext);
    if (!code.is_code() || code.dpl() > cpu.state().cpl)
        throw GuestFault::general_protection(selector_error(selector, ext));
    if (!code.present()) throw GuestFault::not_present(selector_error(selector, ext));
    return {selector, code, gate.gate_offset(), gate.gate_is_32bit() ? 4u : 2u, !(gate.type() & 1)};
}

void push_return_frame(StackFrame& stack, const CpuState& s, const Event& e, uint32_t return_eip, unsigned size) {
    stack.push(pushed_flags(s, e), size);
    stack.push(s.segment[CS].selector, size);
    stack.push(return_eip, size);
    if (e.error_code) stack.push(*e.error_code, size);
}

void commit(Interpreter& cpu, Target& t, unsigned cpl) {
    CpuState& s = cpu.state();
    enter_flags(s, t.interrupt_gate);
    set_code_segment(s, t.code.as_register(t.selector), cpl);
    s.eip = t.offset;
}

void enter_same_ring(Interpreter& cpu, const Event& e, Target& t, uint32_t return_eip) {
    CpuState& s = cpu.state();
    StackFrame stack(cpu, e.ext());
    stack.require_room(t.size * (e.error_code ? 4 : 3));
    check_entry_point(t.code.as_register(t.selector), t.offset, e.ext());
    push_return_frame(stack, s, e, return_eip, t.size);
    mark_accessed(cpu, t.selector, t.code);
    s.gpr[ESP] = stack.esp();
    commit(cpu, t, s.cpl);
}

void enter_inner_ring(Interpreter& cpu, const Event& e, Target& t, uint32_t return_eip) {
    CpuState& s = cpu.state();
    const unsigned cpl = t.code.dpl();
    const bool from_v86 = s.v86();
    const RingStack ring = ring_stack(cpu, cpl, e.ext());
    const SegmentRegister ss = new_stack_segment(cpu, ring.ss, cpl, Vector::TS, e.ext());
    StackFrame stack(cpu, ss, ring.esp, Privilege::Supervisor, selector_error(ring.ss, e.ext()));
    stack.require_room(t.size * ((from_v86 ? 9 : 5) + (e.error_code ? 1 : 0)));
    check_entry_point(t.code.as_register(t.selector), t.offset, e.ext());
    if (from_v86)
        for (const SegmentIndex i : {GS, FS, DS, ES}) stack.push(s.segment[i].selector, t.size);
    stack.push(s.segment[SS].selector, t.size);
    stack.push(s.gpr[ESP], t.size);
    push_return_frame(stack, s, e, return_eip, t.size);
    mark_accessed(cpu, t.selector, t.code);
    if (from_v86)
        for (const SegmentIndex i : {GS, FS, DS, ES}) s.segment[i] = {};
    s.segment[SS] = ss;
    s.gpr[ESP] = stack.esp();
    commit(cpu, t, cpl);
}

void enter_through_task_gate(Interpreter& cpu, const Event& e, const Descriptor& gate, uint32_t return_eip) {
    CpuState& s = cpu.state();
    const uint16_t selector = gate.gate_selector();
    const Descriptor tss = find_task(cpu, selector, e.ext());
    if (e.resume) s.system_flags |= flag::RF;  // saved with the old task's EFLAGS
    switch_task(cpu, selector, tss, TaskSwitch::Nest, return_eip, e.ext());
    if (!e.error_code) return;
    StackFrame stack(cpu, e.ext());
    stack.push(*e.error_code, s.tr.type() & 8 ? 4 : 2);
    s.gpr[ESP] = stack.esp();
}

void enter_protected(Interpreter& cpu, const Event& e, uint32_t return_eip) {
    CpuState& s = cpu.state();
    if (e.vector * 8u + 7 > s.idtr.limit) throw GuestFault::general_protection(idt_error(e));
    const auto raw = cpu.memory().read<uint64_t>(GuestVirt(s.idtr.base + e.vector * 8u), Privilege::Supervisor);
    const Descriptor gate{static_cast<uint32_t>(raw), static_cast<uint32_t>(raw >> 32)};
    const bool is_gate = gate.is_system() && (gate.is_task_gate() || (gate.type() & 6) == 6);
    if (!is_gate) throw GuestFault::general_protection(idt_error(e));
    if (e.kind == EventKind::SoftwareInterrupt && gate.dpl() < s.cpl)
        throw GuestFault::general_protection(idt_error(e));
    if (!gate.present()) throw GuestFault::not_present(idt_error(e));
    if (gate.is_task_gate()) return enter_through_task_gate(cpu, e, gate, return_eip);
    Target t = find_target(cpu, e, gate);
    const bool inner = !t.code.conforming() && t.code.dpl() < s.cpl;
    // Out of v86 mode the only way is to ring 0.
    if (s.v86() && (!inner || t.code.dpl() != 0))
        throw GuestFault::general_protection(selector_error(t.selector, e.ext()));
    inner ? enter_inner_ring(cpu, e, t, return_eip) : enter_same_ring(cpu, e, t, return_eip);
}

void log_event(const CpuState& s, const Event& e, uint32_t return_eip) {
    if (!log::enabled(log::Int)) return;
    static constexpr const char* kKind[] = {"exception", "interrupt", "software interrupt"};
    log::print(log::Int, "int: {} {:#04x} error {:#06x} at {:04x}:{:08x} cpl {} cr2 {:08x} eflags {:08x}\n",
               kKind[static_cast<size_t>(e.kind)], e.vector, e.error_code.value_or(0), s.segment[CS].selector,
               return_eip, s.cpl, s.cr2, s.eflags());
}

}  // namespace

void enter_handler(Interpreter& cpu, const Event& e, uint32_t return_eip) {
    CpuState& s = cpu.state();
    log_event(s, e, return_eip);
    if (s.protected_mode())
        enter_protected(cpu, e, return_eip);
    else
        enter_real_mode(cpu, e, return_eip);
    cpu.next_eip = s.eip;
}

// --- faults while delivering (SDM volume 3, table 6-5) -------------------------------------------------------

namespace {

enum class FaultClass { Benign, Contributory, PageFault, DoubleFault };

FaultClass fault_class(uint8_t vector) {
    switch (static_cast<Vector>(vector)) {
        case Vector::DE: case Vector::TS: case Vector::NP: case Vector::SS: case Vector::GP:
            return FaultClass::Contributory;
        case Vector::PF: return FaultClass::PageFault;
        case Vector::DF: return FaultClass::DoubleFault;
        default: return FaultClass::Benign;
    }
}

bool makes_double_fault(FaultClass first, FaultClass second) {
    if (first == FaultClass::Contributory) return second == FaultClass::Contributory;
    return first == FaultClass::PageFault && second != FaultClass::Benign;
}

// Faults restart their instruction, so RF is set in the image; #DB here is a fault too (DR7.GD).
Event fault_event(const GuestFault& f) {
    return {EventKind::Exception, static_cast<uint8_t>(f.vector), f.error_code, true};
}

// In real mode no error code is pushed.
Event adapted(const CpuState& s, Event e) {
    if (!s.protected_mode()) e.error_code.reset();
    return e;
}

Event next_event(const Event& first, const GuestFault& second) {
    const bool was_exception = first.kind == EventKind::Exception;
    if (was_exception &&
        makes_double_fault(fault_class(first.vector), fault_class(static_cast<uint8_t>(second.vector))))
        return {EventKind::Exception, static_cast<uint8_t>(Vector::DF), 0, true};
    return fault_event(second);
}

}  // namespace

Step deliver(Interpreter& cpu, Event e) {
    CpuState& s = cpu.state();
    s.interrupt_shadow = s.debug_shadow = 0;
    s.activity = Activity::Running;  // any event ends HLT
    for (;;) {
        try {
            enter_handler(cpu, adapted(s, e), s.eip);
            if (!(s.pending_debug & dr6::BT)) [[likely]] return Step::Done;
            record_debug_cause(s, std::exchange(s.pending_debug, 0));  // the new task's T bit
            e = {EventKind::Exception, static_cast<uint8_t>(Vector::DB)};
        } catch (const GuestFault& second) {
            if (second.vector == Vector::PF) s.cr2 = second.linear.value;
            if (e.kind == EventKind::Exception && fault_class(e.vector) == FaultClass::DoubleFault) break;
            e = next_event(e, second);
        }
    }
    s.activity = Activity::Shutdown;
    return Step::TripleFault;
}

}  // namespace ringfold::interpreter

namespace ringfold {

Step Interpreter::interrupt(uint8_t vector) {
    return interpreter::deliver(*this, {interpreter::EventKind::ExternalInterrupt, vector});
}

Step Interpreter::nmi() {
    state_.nmi_blocked = 1;
    return interrupt(static_cast<uint8_t>(Vector::NMI));
}

Step Interpreter::fault(const GuestFault& f) {
    if (f.vector == Vector::PF) state_.cr2 = f.linear.value;
    state_.pending_debug = 0;
    return interpreter::deliver(*this, interpreter::fault_event(f));
}

}  // namespace ringfold

// --- INT n, INT3, INTO, INT1 ---------------------------------------------------------------------------------

namespace ringfold::interpreter {

namespace {

void software_interrupt(Interpreter& cpu, uint8_t vector) {
    enter_handler(cpu, {EventKind::SoftwareInterrupt, vector}, cpu.next_eip);
}

}  // namespace

void int_n(Interpreter& cpu, const Instruction& i) {
    // Without VME, v86 code needs IOPL 3 for INT n (but not for INT3 and INTO).
    if (cpu.state().v86() && cpu.state().iopl() < 3) throw GuestFault::general_protection();
    software_interrupt(cpu, static_cast<uint8_t>(i.immediate));
}

void int3(Interpreter& cpu, const Instruction&) { software_interrupt(cpu, static_cast<uint8_t>(Vector::BP)); }

void into(Interpreter& cpu, const Instruction&) {
    if (cpu.state().arithmetic_flags & flag::OF) software_interrupt(cpu, static_cast<uint8_t>(Vector::OF));
}

// INT1 is a #DB without a DR6 bit, and its gate's DPL is not checked.
void int1(Interpreter& cpu, const Instruction&) {
    record_debug_cause(cpu.state(), 0);
    enter_handler(cpu, {EventKind::Exception, static_cast<uint8_t>(Vector::DB)}, cpu.next_eip);
}

}  // namespace ringfold::interpreter
