// BT, BTS, BTR and BTC whose bit offset is in a register, and so reaches 256 MiB to either side of the operand's address.
#include "translator/emit/emit.h"

namespace ringfold {

using namespace windows;

// The doubleword that holds the bit is found as the CPU finds it, and then addressed with an offset within it: the
// access, and its fault, are those of one operand. What is not flat, and 16-bit offsets, are the interpreter's.
Emit::After Emit::emit_bit_string(const Instruction& i) {
    if (!flat() || i.operand_size != 4 || i.memory.address_size != 4 || !linear_address(i)) return emit_step(i);
    ++block_->simulated;
    const unsigned reg = i.op(1).reg;
    // The offset in 64 bits, turned right by five: its low half is the signed quotient by 32.
    a_.movsxd(x86::r9, host32(reg));
    a_.rorx(x86::r9, x86::r9, 5);
    a_.lea(kLinear, x86::ptr(x86::r8, x86::r9, 2));
    const x86::Mem unit = guest_memory(4, i.writes_memory() ? Access::Write : Access::Read).cloneResized(4);
    if (i.mnemonic == ZYDIS_MNEMONIC_BT_STRING) {
        a_.mov(x86::r10d, unit);
        a_.bt(x86::r10d, host32(reg));
        return After::GoesOn;
    }
    a_.pext(x86::r10d, host32(reg), context(offsetof(VcpuContext, bit_offset_mask), 4));
    if (i.lock) a_.lock();
    switch (i.mnemonic) {
        case ZYDIS_MNEMONIC_BTS_STRING: a_.bts(unit, x86::r10d); break;
        case ZYDIS_MNEMONIC_BTR_STRING: a_.btr(unit, x86::r10d); break;
        default: a_.btc(unit, x86::r10d); break;
    }
    return After::GoesOn;
}

}  // namespace ringfold
