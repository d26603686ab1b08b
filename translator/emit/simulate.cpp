// SIMULATE by a call: the interpreter runs the instruction, with the guest's state in VcpuContext.
#include "translator/emit/emit.h"

namespace ringfold {

Emit::After Emit::emit_step(const Instruction& i) {
    ++block_->called;
    Site& s = site();
    s.instruction = std::make_unique<Instruction>(i);
    call_monitor(s, stubs_.step);
    return After::GoesOn;
}

Emit::After Emit::emit_stop(const Instruction& i) {
    ++block_->called;
    Site& s = site();
    s.instruction = std::make_unique<Instruction>(i);
    call_monitor(s, stubs_.stop);
    return After::Ended;
}

}  // namespace ringfold
