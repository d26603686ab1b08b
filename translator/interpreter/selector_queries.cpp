// LAR, LSL, VERR, VERW and ARPL: questions about a selector that answer in ZF (SDM volume 3, 5.10).
#include "translator/interpreter/descriptor.h"
#include "translator/interpreter/handlers.h"
#include "translator/interpreter/privilege.h"

namespace ringfold::interpreter {

namespace {

void set_zf(CpuState& s, bool on) { s.arithmetic_flags = (s.arithmetic_flags & ~flag::ZF) | (on ? flag::ZF : 0); }

// The descriptor, if the selector names one that code at CPL with this RPL may know of.
std::optional<Descriptor> visible_descriptor(Interpreter& cpu, uint16_t selector) {
    if (is_null(selector)) return std::nullopt;
    const auto d = find_descriptor(cpu, selector);
    if (!d) return std::nullopt;
    const unsigned asked = std::max(rpl(selector), unsigned{cpu.state().cpl});
    if (!d->conforming() && d->dpl() < asked) return std::nullopt;
    return d;
}

constexpr uint32_t bit_set(std::initializer_list<unsigned> types) {
    uint32_t set = 0;
    for (const unsigned t : types) set |= 1u << t;
    return set;
}

namespace t = system_type;
// The system descriptors that each instruction accepts (SDM volume 2, tables 3-53 and 3-58).
constexpr uint32_t kLslTypes = bit_set({t::kTss16, t::kLdt, t::kBusyTss16, t::kTss32, t::kBusyTss32});
constexpr uint32_t kLarTypes = kLslTypes | bit_set({t::kCallGate16, t::kTaskGate, t::kCallGate32});

bool accepts(const Descriptor& d, uint32_t system_types) { return !d.is_system() || (system_types >> d.type() & 1); }

template <class Value>
void query(Interpreter& cpu, const Instruction& i, uint32_t system_types, Value value) {
    CpuState& s = cpu.state();
    require_protected_mode(s);
    const auto d = visible_descriptor(cpu, static_cast<uint16_t>(cpu.read_operand(i, 1)));
    const bool ok = d && accepts(*d, system_types);
    if (ok) cpu.write_operand(i, 0, value(*d));
    set_zf(s, ok);
}

template <class Test>
void verify(Interpreter& cpu, const Instruction& i, Test test) {
    require_protected_mode(cpu.state());
    const auto d = visible_descriptor(cpu, static_cast<uint16_t>(cpu.read_operand(i, 0)));
    set_zf(cpu.state(), d && !d->is_system() && test(*d));
}

}  // namespace

// The manual calls bits 16 to 19 undefined; hardware shows the limit's.
void lar(Interpreter& cpu, const Instruction& i) {
    query(cpu, i, kLarTypes, [](const Descriptor& d) { return d.high & 0x00ffff00; });
}

void lsl(Interpreter& cpu, const Instruction& i) {
    query(cpu, i, kLslTypes, [](const Descriptor& d) { return d.limit(); });
}

void verr(Interpreter& cpu, const Instruction& i) {
    verify(cpu, i, [](const Descriptor& d) { return d.readable(); });
}

void verw(Interpreter& cpu, const Instruction& i) {
    verify(cpu, i, [](const Descriptor& d) { return d.writable_data(); });
}

// The destination is written (and a fault taken) only if its RPL is below the source's.
void arpl(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    require_protected_mode(s);
    const uint32_t selector = cpu.read_operand(i, 0), wanted = cpu.read_operand(i, 1) & 3;
    const bool raise = (selector & 3) < wanted;
    if (raise) cpu.write_operand(i, 0, (selector & ~3u) | wanted);
    set_zf(s, raise);
}

}  // namespace ringfold::interpreter
