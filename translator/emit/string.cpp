// MOVS, STOS, LODS, CMPS and SCAS, upwards. Repeated ones are calls of shared host code (string_stubs.h) or, in direct
// user code, the host's own instruction in the window. LODS with a repeat prefix, other segments than flat ones and
// 16-bit addresses are the interpreter's, as is everything downwards.
#include <bit>

#include "translator/emit/emit.h"

namespace ringfold {

using namespace windows;

namespace {

enum StringKind : unsigned { kMovs = 0xa4, kCmps = 0xa6, kStos = 0xaa, kLods = 0xac, kScas = 0xae };

constexpr int32_t kPortion = 0x8000;  // elements; what is too long has at least 65,536

unsigned element_size(const Instruction& i) {
    return i.opcode & 1 ? i.operand_size : 1;
}

const void* repeated(const Instruction& i, const StringStubs& stubs) {
    const auto shift = static_cast<size_t>(std::countr_zero(element_size(i)));
    switch (i.opcode & 0xfe) {
        case kMovs: return stubs.movs[shift];
        case kStos: return stubs.stos[shift];
        case kCmps: return stubs.cmps[i.repne][shift];
        case kScas: return stubs.scas[i.repne][shift];
        default: return nullptr;
    }
}

}  // namespace

Emit::After Emit::emit_string(const Instruction& i) {
    if (flat() ? i.address_size != 4 || i.memory.segment > DS : i.memory.segment == CS && !segments().code_readable)
        return emit_step(i);
    if (!i.rep && !i.repne) return emit_string_once(i);
    if (!flat()) {
        light_call(i, stubs_.light_step);
        return After::GoesOn;
    }
    const void* stub = repeated(i, stubs_.strings);
    if (!stub) return emit_step(i);
    ++block_->simulated;
    Site& s = site(Access::Read, element_size(i));
    s.instruction = std::make_unique<Instruction>(i);
    // A supervisor's copies reach user pages, which its window loses at each change of the address space.
    direct() && block_->key.mode.user ? repeat_in_window(i, s, stub) : call_string_stub(s, stub);
    return After::GoesOn;
}

void Emit::call_string_stub(const Site& s, const void* stub) {
    a_.mov(x86::r9, reinterpret_cast<uint64_t>(&s));
    // Not CALL rel32, by which the signal handler knows a guest's call when the return stack overflows.
    a_.mov(x86::r10, reinterpret_cast<uint64_t>(stub));
    a_.call(x86::r10);
}

// ESI and EDI become host addresses, for no prefix gives ES another base. What goes downwards is the stub's. So that an
// event need not wait, long copies and fills come in portions, what is left of ECX in VcpuContext::scratch; long
// comparisons are the stub's.
void Emit::repeat_in_window(const Instruction& i, const Site& s, const void* stub) {
    const unsigned kind = i.opcode & 0xfe;
    const bool source = kind == kMovs || kind == kCmps, in_portions = kind == kMovs || kind == kStos;
    const x86::Mem left = context(offsetof(VcpuContext, scratch), 4);
    const asmjit::Label start = a_.newLabel(), all = a_.newLabel(), portion = a_.newLabel(), other = a_.newLabel(),
                        more = a_.newLabel(), done = a_.newLabel();
    a_.bind(start);
    a_.rorx(x86::r9d, x86::ecx, 16);
    a_.movzx(x86::r9d, x86::r9w);
    a_.movzx(x86::r8d, context(offsetof(VcpuContext, cpu.direction_flag), 1));
    a_.mov(x86::r10, context(offsetof(VcpuContext, crossing.window_now), 8));
    a_.mov(kSavedRcx, x86::rcx);
    a_.lea(x86::rcx, x86::ptr(x86::r8, x86::r9));
    a_.jecxz(x86::rcx, all);
    a_.jmp(other);
    a_.bind(all);
    a_.mov(x86::rcx, kSavedRcx);
    a_.bind(portion);
    a_.mov(left, x86::r8d);  // 0, but for a portion
    block_->spots.back().undo = source ? kUndoBothPointers : kUndoDestination;
    block_->spots.back().undo_from = offset();  // the next that can fault is the string instruction
    const auto shift = static_cast<unsigned>(std::countr_zero(element_size(i)));
    emit_repeated(a_, {static_cast<uint8_t>(kind), shift, source, i.repne}, x86::r10, x86::r10);
    if (in_portions) {
        a_.mov(x86::ecx, left);
        a_.jecxz(x86::rcx, done);
        a_.jmp(more);
    }
    a_.bind(done);
    cold([this, in_portions, start, portion, other, more, done, left, &s, stub] {
        const asmjit::Label upwards = a_.newLabel(), quiet = a_.newLabel();
        a_.bind(other);
        if (in_portions) {
            a_.mov(x86::rcx, x86::r8);
            a_.jecxz(x86::rcx, upwards);
        }
        a_.mov(x86::rcx, kSavedRcx);
        call_string_stub(s, stub);
        a_.jmp(done);
        if (!in_portions) return;

        a_.bind(upwards);
        a_.lea(x86::r8d, x86::ptr(kSavedRcx, -kPortion));
        a_.mov(x86::ecx, kPortion);
        a_.jmp(portion);

        a_.bind(more);
        a_.mov(kSavedRcx, x86::rcx);
        a_.mov(x86::ecx, context(offsetof(VcpuContext, attention), 4));
        a_.jecxz(x86::rcx, quiet);
        a_.mov(x86::rcx, kSavedRcx);
        call_monitor(s, stubs_.step);
        a_.bind(quiet);
        a_.mov(x86::rcx, kSavedRcx);
        a_.jmp(start);
    });
}

// DF set: the interpreter's turn.
void Emit::require_upwards(const Instruction& i) {
    asmjit::Label up = a_.newLabel(), down = a_.newLabel();
    a_.mov(kSavedRcx, x86::rcx);
    a_.movzx(x86::ecx, context(offsetof(VcpuContext, cpu.direction_flag), 1));
    a_.jecxz(x86::rcx, up);
    a_.jmp(down);
    a_.bind(up);
    a_.mov(x86::rcx, kSavedRcx);
    Site& s = site();
    s.instruction = std::make_unique<Instruction>(i);
    cold([this, down, &s] {
        a_.bind(down);
        a_.mov(x86::rcx, kSavedRcx);
        call_monitor(s, stubs_.step);
    });
}

// r8d: where a string instruction's pointer leads.
void Emit::string_address(const Instruction& i, unsigned reg, unsigned segment) {
    segment_ = segment;
    offset16_ = i.address_size == 2;
    offset16_ ? a_.movzx(kLinear, host16(reg)) : a_.mov(kLinear, host32(reg));
}

// The source's value, if it is not loaded into the accumulator, goes through r10 and, past a second soft access,
// through the context. Both accesses come before anything changes.
Emit::After Emit::emit_string_once(const Instruction& i) {
    const unsigned kind = i.opcode & 0xfe, size = element_size(i);
    const bool source = kind == kMovs || kind == kLods || kind == kCmps, destination = kind != kLods;
    const bool stores = kind == kMovs || kind == kStos, both = source && destination;
    ++block_->simulated;
    require_upwards(i);

    auto sized = [size](x86::Mem m) { return m.cloneResized(size); };
    const x86::Gp r10 = size == 4 ? x86::Gp(x86::r10d) : size == 2 ? x86::Gp(x86::r10w) : x86::Gp(x86::r10b);
    const x86::Gp accumulator = size == 4 ? x86::Gp(x86::eax) : size == 2 ? x86::Gp(x86::ax) : x86::Gp(x86::al);
    if (source) {
        string_address(i, ESI, i.memory.segment);
        const x86::Mem from = sized(guest_memory(size, Access::Read));
        a_.mov(both ? r10 : accumulator, from);
    }
    if (both && !direct()) a_.mov(context(offsetof(VcpuContext, scratch), 4), x86::r10d);
    if (destination) {
        string_address(i, EDI, ES);
        const x86::Mem to = sized(guest_memory(size, stores ? Access::Write : Access::Read));
        if (both && !direct()) a_.mov(x86::r10d, context(offsetof(VcpuContext, scratch), 4));
        const x86::Gp& value = source ? r10 : accumulator;
        stores ? a_.mov(to, value) : a_.cmp(value, to);
        advance(EDI, static_cast<int>(size), i.address_size);
    }
    if (source) advance(ESI, static_cast<int>(size), i.address_size);
    return After::GoesOn;
}

}  // namespace ringfold
