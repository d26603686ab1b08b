// GDTR, IDTR, LDTR and TR: LGDT, SGDT, LIDT, SIDT, LLDT, SLDT, LTR, STR (SDM volume 3, 2.4).
#include <cstring>

#include "translator/interpreter/descriptor.h"
#include "translator/interpreter/handlers.h"
#include "translator/interpreter/privilege.h"

namespace ringfold::interpreter {

namespace {

constexpr unsigned kPseudoDescriptorBytes = 6;

// With a 16-bit operand only 24 bits of the base count, as on the 286.
uint32_t base_mask(const Instruction& i) { return i.operand_size == 2 ? 0xffffff : 0xffffffff; }

DescriptorTable read_pseudo_descriptor(Interpreter& cpu, const Instruction& i) {
    if (!i.has_memory) throw GuestFault::undefined();
    require_ring0(cpu.state());
    const GuestVirt at = cpu.linear(i.memory.segment, cpu.effective_address(i), kPseudoDescriptorBytes, Access::Read);
    uint8_t raw[kPseudoDescriptorBytes];
    cpu.memory().read_bytes(at, raw, sizeof raw, cpu.state().privilege());
    DescriptorTable t;
    memcpy(&t.limit, raw, 2);
    memcpy(&t.base, raw + 2, 4);
    t.base &= base_mask(i);
    return t;
}

void write_pseudo_descriptor(Interpreter& cpu, const Instruction& i, const DescriptorTable& t) {
    if (!i.has_memory) throw GuestFault::undefined();
    const GuestVirt at = cpu.linear(i.memory.segment, cpu.effective_address(i), kPseudoDescriptorBytes, Access::Write);
    const uint32_t base = t.base & base_mask(i);
    uint8_t raw[kPseudoDescriptorBytes];
    memcpy(raw, &t.limit, 2);
    memcpy(raw + 2, &base, 4);
    cpu.memory().write_bytes(at, raw, sizeof raw, cpu.state().privilege());
}

}  // namespace

void lgdt(Interpreter& cpu, const Instruction& i) { cpu.state().gdtr = read_pseudo_descriptor(cpu, i); }
void lidt(Interpreter& cpu, const Instruction& i) { cpu.state().idtr = read_pseudo_descriptor(cpu, i); }
void sgdt(Interpreter& cpu, const Instruction& i) { write_pseudo_descriptor(cpu, i, cpu.state().gdtr); }
void sidt(Interpreter& cpu, const Instruction& i) { write_pseudo_descriptor(cpu, i, cpu.state().idtr); }

void lldt(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    require_protected_mode(s);
    require_ring0(s);
    const auto selector = static_cast<uint16_t>(cpu.read_operand(i, 0));
    if (is_null(selector)) {
        s.ldtr = {selector, 0, 0, 0};
        return;
    }
    const GuestFault bad = GuestFault::general_protection(selector_error(selector));
    if (is_local(selector)) throw bad;
    const Descriptor d = fetch_descriptor(cpu, selector);
    if (!d.is_system() || d.type() != system_type::kLdt) throw bad;
    if (!d.present()) throw GuestFault::not_present(selector_error(selector));
    s.ldtr = d.as_register(selector);
}

void ltr(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    require_protected_mode(s);
    require_ring0(s);
    const auto selector = static_cast<uint16_t>(cpu.read_operand(i, 0));
    const GuestFault bad = GuestFault::general_protection(selector_error(selector));
    if (is_null(selector) || is_local(selector)) throw bad;
    Descriptor d = fetch_descriptor(cpu, selector);
    if (!d.is_available_tss()) throw bad;
    if (!d.present()) throw GuestFault::not_present(selector_error(selector));
    set_tss_busy(cpu, selector, true);
    d.high |= 2u << 8;
    s.tr = d.as_register(selector);
}

void sldt(Interpreter& cpu, const Instruction& i) {
    require_protected_mode(cpu.state());
    cpu.write_operand(i, 0, cpu.state().ldtr.selector);
}

void str(Interpreter& cpu, const Instruction& i) {
    require_protected_mode(cpu.state());
    cpu.write_operand(i, 0, cpu.state().tr.selector);
}

}  // namespace ringfold::interpreter
