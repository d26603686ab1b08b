// Guest memory operands: the linear address, then the soft TLB or the window.
//
// Nothing here touches the guest's flags: LEA adds, RORX and SHRX shift, JRCXZ tests. So the flags are exact at
// every fault without being saved.
#include "translator/emit/emit.h"

namespace ringfold {

using namespace windows;

void Emit::effective_address(const MemoryOperand& m) {
    const bool base = m.base != kNoRegister, index = m.index != kNoRegister;
    const uint32_t shift = m.scale == 8 ? 3 : m.scale == 4 ? 2 : m.scale == 2 ? 1 : 0;
    if (base && index)
        a_.lea(kLinear, x86::ptr(host64(m.base), host64(m.index), shift, m.displacement));
    else if (base)
        a_.lea(kLinear, x86::ptr(host64(m.base), m.displacement));
    else if (index)
        a_.lea(kLinear, x86::ptr(static_cast<uint64_t>(int64_t{m.displacement}), host64(m.index), shift));
    else
        a_.mov(kLinear, m.displacement);
    if (m.address_size == 2) a_.movzx(kLinear, x86::r8w);
}

void Emit::add_segment_base(unsigned segment) {
    a_.mov(kIndex, context(offsetof(VcpuContext, cpu.segment) + segment * sizeof(SegmentRegister) +
                           offsetof(SegmentRegister, base)));
    a_.lea(kLinear, x86::ptr(x86::r8, x86::r9));
}

bool Emit::linear_address(const Instruction& i) {
    const MemoryOperand& m = i.memory;
    if (m.segment == FS || m.segment == GS) {
        asmjit::Label plain = a_.newLabel(), odd = a_.newLabel();
        const size_t flag = m.segment == FS ? offsetof(VcpuContext, odd_fs) : offsetof(VcpuContext, odd_gs);
        a_.mov(kSavedRcx, x86::rcx);
        a_.movzx(x86::ecx, context(flag, 1));
        a_.jecxz(x86::rcx, plain);
        a_.jmp(odd);
        a_.bind(plain);
        a_.mov(x86::rcx, kSavedRcx);
        const Site& s = site();
        cold([this, odd, &s] {
            a_.bind(odd);
            a_.mov(x86::rcx, kSavedRcx);
            call_monitor(s, stubs_.step);
        });
        effective_address(m);
        add_segment_base(m.segment);
        return true;
    }
    // Blocks are translated only while CS, SS, DS and ES are flat, but code segments cannot be written.
    if (m.segment == CS && i.writes_memory()) return false;
    effective_address(m);
    return true;
}

x86::Mem Emit::guest_memory(unsigned size, Access access) {
    if (direct()) {
        x86::Mem m = x86::ptr(kLinear);
        m.setSegment(x86::gs);
        return m;
    }
    asmjit::Label hit = a_.newLabel(), miss = a_.newLabel();
    const size_t bias = access == Access::Write ? offsetof(View, tlb.write_bias) : offsetof(View, tlb.read_bias);
    a_.rorx(kIndex, kLinear, 12 + kTlbBits);
    a_.shrx(kIndex, kIndex, kView.r32());
    a_.mov(kTag, view(bias, x86::r9, 2));
    a_.lea(kTag, x86::ptr(x86::r10, x86::r8, 0, static_cast<int32_t>(size) - 1));
    a_.mov(kSavedRcx, x86::rcx);
    a_.shrx(x86::ecx, kTag, kContext.r32());
    a_.jecxz(x86::rcx, hit);
    a_.jmp(miss);
    a_.bind(hit);
    a_.mov(x86::rcx, kSavedRcx);
    a_.mov(x86::r9, view(offsetof(View, tlb.addend), x86::r9, 3));
    Site& s = site(access, size);
    s.second = soft_accesses_++ != 0;
    cold([this, miss, &s] {
        a_.bind(miss);
        a_.mov(x86::rcx, kSavedRcx);
        call_monitor(s, stubs_.soft_miss);
    });
    return x86::ptr(x86::r8, x86::r9);
}

}  // namespace ringfold
