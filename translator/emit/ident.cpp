// IDENT: the guest instruction itself, with its memory operand redirected.
#include "translator/emit/emit.h"

namespace ringfold {

using namespace windows;

namespace {

Access access_of(const Instruction& i) {
    return i.writes_memory() ? Access::Write : Access::Read;
}

// Does the instruction use the low part of the register whose high byte is `high`? Then they cannot be swapped.
bool uses_low_part(const Instruction& i, uint8_t high) {
    const unsigned low = high & 3u;
    if (low == EAX && (i.mnemonic == ZYDIS_MNEMONIC_CMPXCHG || i.mnemonic == ZYDIS_MNEMONIC_MUL ||
                       i.mnemonic == ZYDIS_MNEMONIC_IMUL || i.mnemonic == ZYDIS_MNEMONIC_DIV ||
                       i.mnemonic == ZYDIS_MNEMONIC_IDIV))
        return true;
    if (low == ECX && i.operand_count > 1 && i.op(i.operand_count - 1).kind == OperandKind::Gpr &&
        i.op(i.operand_count - 1).encoded == Encoded::Elsewhere)
        return true;  // a shift count in CL
    for (int n = 0; n < i.operand_count; ++n) {
        const Operand& op = i.op(n);
        if (op.kind != OperandKind::Gpr) continue;
        const bool same_half = op.size == 1 && op.reg == high;
        if (!same_half && (op.size == 1 ? op.reg & 3u : op.reg) == low) return true;
    }
    return false;
}

// XCHG with memory of a register that can be named beside a REX prefix.
bool exchanges_with_memory(const Instruction& i) {
    const Operand& op = i.op(0).kind == OperandKind::Gpr ? i.op(0) : i.op(1);
    constexpr uint8_t kFirstHighByte = 4;
    return i.mnemonic == ZYDIS_MNEMONIC_XCHG && i.has_memory && !(op.size == 1 && op.reg >= kFirstHighByte);
}

// XCHG of a register's low and high byte; the one encoding needs no REX.
std::array<uint8_t, 2> swap_halves(uint8_t high) {
    return {0x86, static_cast<uint8_t>(0xc0 | high << 3 | (high & 3))};
}

}  // namespace

Emit::After Emit::emit_ident(const Instruction& i) {
    const bool accesses = i.has_memory && i.memory.size != 0;
    MemoryForm shape = MemoryForm::None;
    if (!flat() && exchanges_with_memory(i)) return emit_exchange(i);
    if (accesses) {
        // A plain operand can keep its own address expression in the window.
        const bool own = direct() && i.memory.segment <= DS && i.memory.address_size == 4;
        shape = own ? MemoryForm::Window : form();
    } else if (i.has_memory && i.memory.address_size != 4) {
        if (i.mnemonic != ZYDIS_MNEMONIC_LEA) return emit_step(i);
        ++block_->simulated;
        effective_address(i.memory);
        i.op(0).size == 4 ? a_.mov(host32(i.op(0).reg), kLinear) : a_.mov(host16(i.op(0).reg), x86::r8w);
        return After::GoesOn;
    }
    auto high = high_byte_conflict(i, shape);
    if (high && shape == MemoryForm::Window) shape = MemoryForm::WindowScratch;
    if (high) high = high_byte_conflict(i, shape);
    if (high && uses_low_part(i, *high)) return emit_step(i);
    if (flat() && accesses && i.memory.segment == CS && i.writes_memory()) return emit_step(i);
    if (shape == MemoryForm::Pointer || shape == MemoryForm::WindowScratch) {
        if (!linear_address(i)) return emit_step(i);
        guest_memory(i.memory.size, access_of(i));
    }
    ++block_->ident;
    if (!high) {
        raw(reencode(i, shape).span());
        return After::GoesOn;
    }
    const auto swap = swap_halves(*high);
    raw(swap);
    block_->spots.back().undo = *high & 3;
    block_->spots.back().undo_from = offset();
    raw(reencode(i, shape, high).span());
    raw(swap);
    return After::GoesOn;
}

// XCHG with memory, but for the bus lock that it implies: with one CPU, whose accesses nobody else sees halves of, a
// load and a store of a place that can be written are the same.
Emit::After Emit::emit_exchange(const Instruction& i) {
    const Operand& op = i.op(0).kind == OperandKind::Gpr ? i.op(0) : i.op(1);
    if (!linear_address(i)) return emit_step(i);
    ++block_->simulated;
    const x86::Mem m = guest_memory(op.size, Access::Write).cloneResized(op.size);
    const auto in_size = [&op](unsigned n) {
        return op.size == 4 ? x86::Gp(x86::gpd(n)) : op.size == 2 ? x86::Gp(x86::gpw(n)) : x86::Gp(x86::gpb_lo(n));
    };
    const unsigned reg = op.reg == ESP && op.size > 1 ? 12 : op.reg;
    a_.mov(in_size(10), m);
    a_.mov(m, in_size(reg));
    a_.mov(in_size(reg), in_size(10));
    return After::GoesOn;
}

Emit::After Emit::emit_nothing(const Instruction&) {
    ++block_->ident;
    return After::GoesOn;
}

// The monitor's own code uses the same registers, so the guest's FPU state is loaded when a block first needs it.
Emit::After Emit::emit_fpu(const Instruction& i) {
    if (!fpu_loaded_) require_zero(offsetof(VcpuContext, fpu_saved), stubs_.fpu);
    const After after = emit_ident(i);
    // FWAIT passes with CR0.EM set, or TS without MP; what follows would be #NM.
    if (i.mnemonic != ZYDIS_MNEMONIC_FWAIT) fpu_loaded_ = true;
    return after;
}

Emit::After Emit::emit_simd(const Instruction& i) {
    return block_->key.mode.sse ? emit_fpu(i) : emit_step(i);
}

}  // namespace ringfold
