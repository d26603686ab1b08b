// Segment access checks, segment-register loads, and the instructions that do just that.
#include "translator/interpreter/segment.h"

#include "translator/interpreter/debug.h"
#include "translator/interpreter/handlers.h"

namespace ringfold {

namespace {

// 16-byte operands have rules of their own (SSE alignment raises #GP); an 80-bit operand is aligned to 8.
bool misaligned(uint32_t address, unsigned size) {
    if (size > 10) return false;
    const unsigned alignment = size == 10 ? 8 : size == 6 ? 4 : size;
    return address & (alignment - 1);
}

bool type_allows(const SegmentRegister& s, Access access) {
    if (!s.present()) return false;
    return access == Access::Write ? s.writable() : s.readable();
}

}  // namespace

GuestVirt Interpreter::linear(unsigned segment, uint32_t offset, unsigned size, Access access) {
    const SegmentRegister& s = state_.segment[segment];
    const bool type_ok = interpreter::segments_are_real(state_) || type_allows(s, access);
    if (!type_ok || !interpreter::within_limit(s, offset, size)) [[unlikely]]
        throw segment == SS ? GuestFault::stack() : GuestFault::general_protection();
    const GuestVirt address(s.base + offset);
    if ((state_.system_flags & flag::AC) && (state_.cr0 & cr0::AM) && state_.cpl == 3 &&
        misaligned(address.value, size)) [[unlikely]]
        throw GuestFault{Vector::AC, 0};
    if (interpreter::breakpoints_enabled(state_)) [[unlikely]]
        interpreter::note_data_access(state_, address, size, access);
    return address;
}

}  // namespace ringfold

namespace ringfold::interpreter {

namespace {
constexpr uint16_t kRealAccess = 0x93, kV86Access = 0xf3, kGranularityBits = 0xf000;
}

// Limit, B and G survive from protected mode ("unreal mode"); a register left null has no limit to survive.
SegmentRegister real_mode_segment(const CpuState&, const SegmentRegister& old, uint16_t selector) {
    const uint16_t kept = old.present() ? old.attributes & kGranularityBits : 0;
    return {selector, static_cast<uint16_t>(kept | kRealAccess), uint32_t{selector} << 4,
            old.present() ? old.limit : 0xffff};
}

SegmentRegister v86_segment(uint16_t selector) {
    return {selector, kV86Access, uint32_t{selector} << 4, 0xffff};
}

void set_code_segment(CpuState& s, const SegmentRegister& cs, unsigned cpl) {
    s.segment[CS] = cs;
    s.cpl = static_cast<uint8_t>(cpl);
    if (!segments_are_real(s)) s.segment[CS].selector = static_cast<uint16_t>((cs.selector & 0xfffc) | cpl);
}

SegmentRegister new_stack_segment(Interpreter& cpu, uint16_t selector, unsigned cpl, Vector bad, uint32_t ext) {
    const GuestFault fault{bad, selector_error(selector, ext)};
    if (is_null(selector)) throw fault;
    Descriptor d = fetch_descriptor(cpu, selector, bad, ext);
    if (rpl(selector) != cpl || d.dpl() != cpl || !d.writable_data()) throw fault;
    if (!d.present()) throw GuestFault::stack(selector_error(selector, ext));
    mark_accessed(cpu, selector, d);
    return d.as_register(selector);
}

namespace {

SegmentRegister new_data_segment(Interpreter& cpu, uint16_t selector) {
    if (is_null(selector)) return {selector, 0, 0, 0};
    Descriptor d = fetch_descriptor(cpu, selector);
    const GuestFault fault = GuestFault::general_protection(selector_error(selector));
    if (!d.readable()) throw fault;
    const unsigned asked = std::max(rpl(selector), unsigned{cpu.state().cpl});
    if (!d.conforming() && asked > d.dpl()) throw fault;
    if (!d.present()) throw GuestFault::not_present(selector_error(selector));
    mark_accessed(cpu, selector, d);
    return d.as_register(selector);
}

}  // namespace

void load_segment(Interpreter& cpu, unsigned segment, uint16_t selector) {
    CpuState& s = cpu.state();
    SegmentRegister& target = s.segment[segment];
    if (s.v86()) {
        target = v86_segment(selector);
    } else if (!s.protected_mode()) {
        target = real_mode_segment(s, target, selector);
    } else if (segment == SS) {
        target = new_stack_segment(cpu, selector, s.cpl, Vector::GP);
    } else {
        target = new_data_segment(cpu, selector);
    }
}

void drop_inner_data_segments(CpuState& s) {
    for (const SegmentIndex i : {ES, DS, FS, GS}) {
        SegmentRegister& r = s.segment[i];
        if (r.present() && !r.conforming() && r.dpl() < s.cpl) r = {};
    }
}

// --- stacks ------------------------------------------------------------------------------------------------

GuestVirt StackFrame::checked(uint32_t esp, unsigned size) const {
    if (!within_limit(ss_, offset(esp), size)) throw GuestFault::stack(error_);
    return GuestVirt(ss_.base + offset(esp));
}

void StackFrame::push(uint32_t value, unsigned size) {
    const uint32_t to = moved(0u - size);
    const GuestVirt address = checked(to, size);
    if (size == 4)
        cpu_.memory().write<uint32_t>(address, value, privilege_);
    else
        cpu_.memory().write<uint16_t>(address, static_cast<uint16_t>(value), privilege_);
    esp_ = to;
}

uint32_t StackFrame::pop(unsigned size) {
    const GuestVirt address = checked(esp_, size);
    const uint32_t value = size == 4 ? cpu_.memory().read<uint32_t>(address, privilege_)
                                     : cpu_.memory().read<uint16_t>(address, privilege_);
    esp_ = moved(size);
    return value;
}

void StackFrame::require_room(unsigned bytes) const {
    // Item by item, since a 16-bit stack may wrap between two of them.
    for (unsigned done = 2; done <= bytes; done += 2) checked(moved(0u - done), 2);
}

void StackFrame::require_content(unsigned bytes) const {
    for (unsigned done = 0; done < bytes; done += 2) checked(moved(done), 2);
}

// --- MOV, PUSH, POP, LxS -----------------------------------------------------------------------------------

namespace {

// MOV SS and POP SS hold back interrupts and #DB until the next instruction has run (SDM volume 3, 6.8.3).
void shadow_after_stack_load(CpuState& s, unsigned segment) {
    if (segment == SS) s.interrupt_shadow = s.debug_shadow = 1;
}

}  // namespace

void mov_segment(Interpreter& cpu, const Instruction& i) {
    if (i.op(0).kind != OperandKind::Segment)
        return cpu.write_operand(i, 0, cpu.state().segment[i.op(1).reg].selector);
    if (i.op(0).reg == CS) throw GuestFault::undefined();
    load_segment(cpu, i.op(0).reg, static_cast<uint16_t>(cpu.read_operand(i, 1)));
    shadow_after_stack_load(cpu.state(), i.op(0).reg);
}

// With a 32-bit operand the selector is pushed zero-extended, which the manual allows.
void push_segment(Interpreter& cpu, const Instruction& i) {
    cpu.push(cpu.state().segment[i.op(0).reg].selector, i.operand_size);
}

void pop_segment(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    const uint32_t esp = s.gpr[ESP];
    const auto selector = static_cast<uint16_t>(cpu.pop(i.operand_size));
    const uint32_t popped = s.gpr[ESP];
    s.gpr[ESP] = esp;  // until nothing can fault any more
    load_segment(cpu, i.op(0).reg, selector);
    s.gpr[ESP] = popped;
    shadow_after_stack_load(s, i.op(0).reg);
}

namespace {

void load_far_pointer(Interpreter& cpu, const Instruction& i, unsigned segment) {
    if (!i.has_memory) throw GuestFault::undefined();
    const uint32_t at = cpu.effective_address(i);
    const uint32_t mask = i.memory.address_size == 2 ? 0xffff : 0xffffffff;
    const uint32_t offset = cpu.read(i.memory.segment, at, i.operand_size);
    const uint32_t selector = cpu.read(i.memory.segment, (at + i.operand_size) & mask, 2);
    load_segment(cpu, segment, static_cast<uint16_t>(selector));
    cpu.write_operand(i, 0, offset);
}

}  // namespace

void lds(Interpreter& cpu, const Instruction& i) { load_far_pointer(cpu, i, DS); }
void les(Interpreter& cpu, const Instruction& i) { load_far_pointer(cpu, i, ES); }
void lfs(Interpreter& cpu, const Instruction& i) { load_far_pointer(cpu, i, FS); }
void lgs(Interpreter& cpu, const Instruction& i) { load_far_pointer(cpu, i, GS); }
void lss(Interpreter& cpu, const Instruction& i) { load_far_pointer(cpu, i, SS); }

}  // namespace ringfold::interpreter
