// SIMULATE by a call: the interpreter runs the instruction, with the guest's state in VcpuContext.
#include "translator/emit/emit.h"
#include "translator/interpreter/handlers.h"

namespace ringfold {

namespace {

// Instructions whose first check is for CPL 0, whatever their operands.
bool privileged(const Instruction& i) {
    switch (i.mnemonic) {
        case ZYDIS_MNEMONIC_HLT: case ZYDIS_MNEMONIC_CLTS: case ZYDIS_MNEMONIC_LMSW: case ZYDIS_MNEMONIC_LLDT:
        case ZYDIS_MNEMONIC_LTR: case ZYDIS_MNEMONIC_INVD: case ZYDIS_MNEMONIC_WBINVD: case ZYDIS_MNEMONIC_RDMSR:
        case ZYDIS_MNEMONIC_WRMSR: case ZYDIS_MNEMONIC_MOV_DEBUG:
            return true;
        default: return false;
    }
}

}  // namespace

// The fault that the instruction is certain to raise, which the interpreter would throw as a C++ exception.
std::optional<Vector> Emit::certain_fault(const Instruction& i) const {
    if (i.row->interpret == interpreter::undefined) return Vector::UD;
    const bool undefined_here = segments().real && (i.mnemonic == ZYDIS_MNEMONIC_LLDT || i.mnemonic == ZYDIS_MNEMONIC_LTR);
    if (block_->key.mode.user && privileged(i) && !undefined_here) return Vector::GP;
    return std::nullopt;
}

Emit::After Emit::call_interpreter(const Instruction& i, const void* stub) {
    ++block_->called;
    Site& s = site();
    s.instruction = std::make_unique<Instruction>(i);
    const auto fault = certain_fault(i);
    if (fault) a_.mov(x86::r8d, static_cast<uint32_t>(*fault));
    call_monitor(s, fault ? stubs_.fault : stub);
    return fault || stub == stubs_.stop ? After::Ended : After::GoesOn;
}

Emit::After Emit::emit_step(const Instruction& i) {
    return call_interpreter(i, stubs_.step);
}

Emit::After Emit::emit_stop(const Instruction& i) {
    return call_interpreter(i, stubs_.stop);
}

}  // namespace ringfold
