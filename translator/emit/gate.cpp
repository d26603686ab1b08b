// INT n, INT3, IRET, SYSENTER and SYSEXIT: a jump to the sequence that all blocks share (gate_stubs.cpp).
#include "translator/emit/emit.h"
#include "translator/segmentation.h"

namespace ringfold {

using namespace windows;

Emit::After Emit::leave_by(const Instruction& i, const void* stub) {
    ++block_->simulated;
    Site& s = site();
    s.instruction = std::make_unique<Instruction>(i);
    call_monitor(s, stub);
    return After::Ended;
}

Emit::After Emit::emit_interrupt(const Instruction& i) {
    if (!flat() && !(is_real_segmentation(segments().id) && segments().stack16 && !block_->key.mode.user))
        return emit_stop(i);
    constexpr uint32_t kBreakpoint = 3;
    a_.mov(x86::r8d, i.mnemonic == ZYDIS_MNEMONIC_INT3 ? kBreakpoint : i.immediate & 0xff);
    load_eip(x86::r10d, next_eip_);
    if (flat()) return leave_by(i, stubs_.interrupt[block_->key.mode.user]);
    a_.mov(x86::r11d, segments().id);
    return leave_by(i, stubs_.real_interrupt);
}

Emit::After Emit::emit_iret(const Instruction& i) {
    if (!flat() && far_inline(i) && !block_->key.mode.user) {
        a_.mov(x86::r11d, segments().id);
        return leave_by(i, stubs_.real_iret);
    }
    if (!flat() || block_->key.mode.user || i.operand_size != 4) return emit_stop(i);
    return leave_by(i, stubs_.iret);
}

Emit::After Emit::emit_sysenter(const Instruction& i) {
    return flat() && block_->key.mode.user ? leave_by(i, stubs_.sysenter) : emit_stop(i);
}

Emit::After Emit::emit_sysexit(const Instruction& i) {
    return block_->key.mode.user || !flat() ? emit_stop(i) : leave_by(i, stubs_.sysexit);
}

}  // namespace ringfold
