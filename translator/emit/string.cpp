// MOVS, STOS and LODS without a repeat prefix, upwards. Everything else is the interpreter's: a repeated one runs
// there at the speed of whole pages.
#include "translator/emit/emit.h"

namespace ringfold {

using namespace windows;

Emit::After Emit::emit_string(const Instruction& i) {
    const unsigned kind = i.opcode & 0xfe;
    const bool moves = kind == 0xa4, stores = kind == 0xaa, loads = kind == 0xac;
    if (i.rep || i.repne || i.address_size != 4 || i.memory.segment > DS || !(moves || stores || loads)) return emit_step(i);
    const auto size = static_cast<int32_t>(i.opcode & 1 ? i.operand_size : 1);
    ++block_->simulated;

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

    auto sized = [size](x86::Mem m) { return m.cloneResized(static_cast<uint32_t>(size)); };
    const x86::Gp value = size == 4 ? x86::Gp(x86::r10d) : size == 2 ? x86::Gp(x86::r10w) : x86::Gp(x86::r10b);
    const x86::Gp accumulator = size == 4 ? x86::Gp(x86::eax) : size == 2 ? x86::Gp(x86::ax) : x86::Gp(x86::al);
    if (!stores) {
        a_.mov(kLinear, x86::esi);
        const x86::Mem from = sized(guest_memory(static_cast<unsigned>(size), Access::Read));
        a_.mov(loads ? accumulator : value, from);
    }
    if (moves && !direct()) a_.mov(context(offsetof(VcpuContext, scratch), 4), x86::r10d);
    if (!loads) {
        a_.mov(kLinear, x86::edi);
        const x86::Mem to = sized(guest_memory(static_cast<unsigned>(size), Access::Write));
        if (moves && !direct()) a_.mov(x86::r10d, context(offsetof(VcpuContext, scratch), 4));
        a_.mov(to, moves ? value : accumulator);
        a_.lea(x86::edi, x86::ptr(x86::rdi, size));
    }
    if (!stores) a_.lea(x86::esi, x86::ptr(x86::rsi, size));
    return After::GoesOn;
}

}  // namespace ringfold
