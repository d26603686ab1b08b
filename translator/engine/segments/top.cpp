// Accesses to what lies behind the hole: Linux has the stacks there that it enters on. The limits of the guest's segments keep such an
// access out, so the first one is the interpreter's, and its instruction becomes guilty. Kernel code gets a sequence for guilty
// instructions: it looks where the access leads, and one that leads to the top goes by %gs, which reaches that far. What leads elsewhere,
// or to a page that no window can show, is the interpreter's as ever.
#include "translator/engine/segments/emitter.h"

namespace ringfold::segments {

// Goes on with the address that `load_ecx` makes, in the top, and with all registers as they were; or in the interpreter.
// `load_ecx` finds all registers as they were.
void Emitter::require_top(const std::function<void()>& load_ecx) {
    const asmjit::Label elsewhere = a_.newLabel(), in_top = a_.newLabel(), shown = a_.newLabel();
    constexpr int32_t kAllOnes = (1 << (32 - kTopBits)) - 1;
    set_aside(ECX);
    load_ecx();
    a_.pext(x86::ecx, x86::ecx, STATE(segments_state.top_mask));
    a_.lea(x86::ecx, x86::ptr(x86::ecx, -kAllOnes));
    a_.jecxz(x86::ecx, in_top);
    a_.jmp(elsewhere);
    a_.bind(in_top);
    take_back(ECX);
    load_ecx();
    a_.pext(x86::ecx, x86::ecx, STATE(segments_state.top_page_mask));
    x86::Mem page = x86::byte_ptr(x86::ecx, static_cast<int32_t>(kTopPages));
    page.setSegment(x86::gs);
    a_.movzx(x86::ecx, page);
    a_.jecxz(x86::ecx, shown);
    a_.jmp(elsewhere);
    a_.bind(shown);
    take_back(ECX);
    Site& s = site();
    s.instruction = std::make_unique<Instruction>(*current_);
    cold([this, elsewhere, &s] {
        a_.bind(elsewhere);
        take_back(ECX);
        call_monitor(s, stubs_.step);
    });
}

// The same instruction with its operand behind %gs, whose base is the hole's begin.
Emitter::After Emitter::top_operand(const Instruction& i) {
    constexpr unsigned kSib = 4, kNoBase = 5;
    const MemoryOperand& m = i.memory;
    const bool usual = m.segment == DS || m.segment == SS || m.segment == ES;
    if (!reaches_top() || !usual || m.address_size != 4 || !i.has_modrm || i.modrm >> 6 == 3) return step(i);
    ++block_->simulated;
    require_top([&] {
        x86::Mem address(m.base == kNoRegister ? x86::ptr(uint64_t{0}) : x86::ptr(x86::gpd(m.base)));
        if (m.index != kNoRegister) address.setIndex(x86::gpd(m.index), m.scale == 8 ? 3 : m.scale == 4 ? 2 : m.scale == 2 ? 1 : 0);
        address.addOffset(m.displacement);
        a_.lea(x86::ecx, address);
    });
    std::vector<uint8_t> code;
    for (unsigned n = 0; n < i.prefix_length; ++n) {
        const uint8_t prefix = i.bytes[n];
        const bool repeats = (prefix == 0xf2 || prefix == 0xf3) && i.mandatory_prefix != prefix;
        const bool segment = prefix == 0x26 || prefix == 0x2e || prefix == 0x36 || prefix == 0x3e || prefix == 0x64 || prefix == 0x65;
        if (!repeats && !segment) code.push_back(prefix);
    }
    code.push_back(0x65);
    code.insert(code.end(), i.bytes.begin() + i.prefix_length, i.bytes.begin() + i.modrm_offset);
    const bool has_sib = (i.modrm & 7) == kSib;
    const uint8_t sib = has_sib ? i.bytes[i.modrm_offset + 1u] : 0;
    const bool bare = m.base == kNoRegister;  // mod 0 then says: 32 bits of displacement
    code.push_back(static_cast<uint8_t>((bare ? 0 : 0x80) | (i.modrm & 0x3f)));
    if (has_sib) code.push_back(bare ? static_cast<uint8_t>((sib & 0xf8) | kNoBase) : sib);
    const uint32_t displacement = static_cast<uint32_t>(m.displacement) - low_.hole();
    for (int shift = 0; shift < 32; shift += 8) code.push_back(static_cast<uint8_t>(displacement >> shift));
    if (i.immediate_length) code.insert(code.end(), i.bytes.begin() + i.immediate_offset, i.bytes.begin() + i.length);
    raw(code);
    return After::GoesOn;
}

x86::Mem Emitter::top_stack(int32_t offset) const {
    x86::Mem m = x86::dword_ptr(x86::esp, static_cast<int32_t>(static_cast<uint32_t>(offset) - low_.hole()));
    m.setSegment(x86::gs);
    return m;
}

// PUSH of a register or an immediate.
Emitter::After Emitter::top_push(const Instruction& i) {
    const Operand& from = i.op(0);
    if (!reaches_top() || i.operand_size != 4 || from.kind == OperandKind::Memory) return step(i);
    ++block_->simulated;
    require_top([&] { a_.lea(x86::ecx, x86::ptr(x86::esp, -4)); });
    if (from.kind == OperandKind::Gpr)
        a_.mov(top_stack(-4), x86::gpd(from.reg));
    else
        a_.mov(top_stack(-4), i.immediate);
    a_.lea(x86::esp, x86::ptr(x86::esp, -4));
    return After::GoesOn;
}

Emitter::After Emitter::top_pop(const Instruction& i) {
    const Operand& to = i.op(0);
    if (!reaches_top() || i.operand_size != 4 || to.kind != OperandKind::Gpr) return step(i);
    ++block_->simulated;
    require_top([&] { a_.mov(x86::ecx, x86::esp); });
    a_.mov(x86::gpd(to.reg), top_stack(0));
    if (to.reg != ESP) a_.lea(x86::esp, x86::ptr(x86::esp, 4));
    return After::GoesOn;
}

}  // namespace ringfold::segments
