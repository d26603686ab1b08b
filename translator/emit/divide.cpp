// DIV and IDIV whose divide errors came too often for a host signal each: checked before they run.
#include "translator/emit/emit.h"
#include "translator/engine/windows/flags.h"

namespace ringfold {

using namespace windows;

namespace {

constexpr unsigned kFirstHighByte = 4;

bool is_high_byte(const Operand& op) {
    return op.kind == OperandKind::Gpr && op.size == 1 && op.reg >= kFirstHighByte;
}

}  // namespace

bool Emit::checks_divide(const Instruction& i) const {
    if (i.mnemonic != ZYDIS_MNEMONIC_DIV && i.mnemonic != ZYDIS_MNEMONIC_IDIV) return false;
    return !is_high_byte(i.op(0)) && needs(Remedy::CheckedDivide);
}

// r10 = the divisor, without its sign.
void Emit::load_divisor(const Operand& op) {
    const bool memory = op.kind == OperandKind::Memory;
    const x86::Mem m = memory ? guest_memory(op.size, Access::Read).cloneResized(op.size) : x86::Mem();
    const x86::Gp from = op.size == 4 ? host32(op.reg) : op.size == 2 ? host16(op.reg) : x86::gpb_lo(op.reg);
    if (op.size == 4)
        memory ? a_.mov(x86::r10d, m) : a_.mov(x86::r10d, from);
    else
        memory ? a_.movzx(x86::r10d, m) : a_.movzx(x86::r10d, from);
}

// ecx = 0 if the quotient of an unsigned division fits: if the dividend's upper half is below the divisor.
void Emit::compare_upper_half(unsigned size) {
    switch (size) {
        case 1:
            a_.movzx(x86::ecx, x86::ah);
            break;
        case 2:
            a_.movzx(x86::ecx, x86::dx);
            break;
        default:
            a_.mov(x86::ecx, x86::edx);
            break;
    }
    // Less the divisor, in 64 bits: the upper ones are all set if it is negative.
    a_.not_(x86::r10);
    a_.lea(x86::rcx, x86::ptr(x86::rcx, x86::r10, 0, 1));
    a_.not_(x86::r10);
    a_.rorx(x86::rcx, x86::rcx, 32);
    a_.not_(x86::ecx);
}

// rcx = 0 if the quotient of a signed division, by neither 0 nor -1, fits: found by one of 64 bits, which cannot fail. r10 = the divisor, as load_divisor() left it or with its sign.
void Emit::divide_in_64_bits(unsigned size) {
    const auto low_half = [](uint32_t bytes) { return context(offsetof(VcpuContext, aside_rax), bytes); };
    windows::set_flags_aside(a_);
    a_.mov(x86::r9, x86::rdx);
    switch (size) {
        case 1:
            a_.movsx(x86::rax, low_half(2));
            a_.movsx(x86::r10, x86::r10b);
            break;
        case 2:
            a_.movzx(x86::ecx, low_half(2));
            a_.movsx(x86::rax, x86::dx);
            a_.shl(x86::rax, 16);
            a_.or_(x86::rax, x86::rcx);
            a_.movsx(x86::r10, x86::r10w);
            break;
        default:
            a_.mov(x86::ecx, low_half(4));
            a_.mov(x86::eax, x86::edx);
            a_.shl(x86::rax, 32);
            a_.or_(x86::rax, x86::rcx);
            a_.movsxd(x86::r10, x86::r10d);
            break;
    }
    a_.cqo();
    a_.idiv(x86::r10);
    size == 1   ? a_.movsx(x86::rcx, x86::al)
    : size == 2 ? a_.movsx(x86::rcx, x86::ax)
                : a_.movsxd(x86::rcx, x86::eax);
    a_.sub(x86::rcx, x86::rax);
    a_.mov(x86::rdx, x86::r9);
    windows::take_flags_back(a_);
}

// Where the flags are the guest's, JRCXZ is the one test there is.
Emit::After Emit::emit_checked_divide(const Instruction& i) {
    const Operand& op = i.op(0);
    if (op.kind == OperandKind::Memory && !linear_address(i)) return emit_step(i);
    ++block_->simulated;
    load_divisor(op);
    asmjit::Label fits = a_.newLabel(), error = a_.newLabel(), zero = a_.newLabel(), minus_one = a_.newLabel(),
                  odd = a_.newLabel(), end = a_.newLabel();
    const bool is_signed = i.mnemonic == ZYDIS_MNEMONIC_IDIV;
    const x86::Gp divisor = op.size == 4 ? x86::Gp(x86::r10d) : op.size == 2 ? x86::Gp(x86::r10w) : x86::Gp(x86::r10b);
    a_.mov(kSavedRcx, x86::rcx);
    if (is_signed) {
        a_.mov(x86::ecx, x86::r10d);
        a_.jecxz(x86::rcx, zero);
        op.size == 4   ? a_.mov(x86::ecx, x86::r10d)
        : op.size == 2 ? a_.movsx(x86::ecx, x86::r10w)
                       : a_.movsx(x86::ecx, x86::r10b);
        a_.not_(x86::ecx);
        a_.jecxz(x86::rcx, minus_one);
        divide_in_64_bits(op.size);
        a_.jecxz(x86::rcx, fits);
    } else {
        compare_upper_half(op.size);
        a_.jecxz(x86::rcx, fits);
    }
    a_.jmp(error);
    a_.bind(fits);
    a_.mov(x86::rcx, kSavedRcx);
    is_signed ? a_.idiv(divisor) : a_.div(divisor);
    if (is_signed) {
        a_.jmp(end);
        a_.bind(zero);
        a_.jmp(error);
        a_.bind(minus_one);
        a_.jmp(odd);
        a_.bind(end);
    }
    const Site& s = site();
    cold([this, error, odd, is_signed, &s] {
        a_.bind(error);
        a_.mov(x86::rcx, kSavedRcx);
        call_monitor(s, stubs_.divide_error);
        if (!is_signed) return;
        a_.bind(odd);
        a_.mov(x86::rcx, kSavedRcx);
        call_monitor(s, stubs_.step);
    });
    return After::GoesOn;
}

}  // namespace ringfold
