// The soft TLB's look-up, as a listing. Nothing in it touches the guest's flags: LEA adds, RORX and SHRX shift, JRCXZ
// tests.
#include "translator/emit/soft_look_up.h"

#include "translator/engine/windows/emission_errors.h"
#include "translator/engine/windows/registers.h"

namespace ringfold {

using namespace windows;

namespace {

SoftLookUp assemble(unsigned size, Access access) {
    asmjit::CodeHolder holder;
    holder.init(asmjit::Environment::host());
    EmissionErrors errors;
    holder.setErrorHandler(&errors);
    x86::Assembler a(&holder);
    SoftLookUp made;
    const asmjit::Label hit = a.newLabel(), miss = a.newLabel();
    const size_t bias = access == Access::Write ? offsetof(View, tlb.write_bias) : offsetof(View, tlb.read_bias);
    a.rorx(kIndex, kLinear, 12 + kTlbBits);
    a.shrx(kIndex, kIndex, kView.r32());
    a.mov(kTag, view(bias, x86::r9, 2));
    a.lea(kTag, x86::ptr(x86::r10, x86::r8, 0, static_cast<int32_t>(size) - 1));
    a.mov(kSavedRcx, x86::rcx);
    a.shrx(x86::ecx, kTag, kContext.r32());
    a.jecxz(x86::rcx, hit);
    a.jmp(miss);
    made.miss = static_cast<uint32_t>(a.offset()) - 4;
    a.bind(hit);
    a.mov(x86::rcx, kSavedRcx);
    a.mov(x86::r9, view(offsetof(View, tlb.addend), x86::r9, 3));
    const auto& buffer = holder.textSection()->buffer();
    made.code.assign(buffer.data(), buffer.data() + buffer.size());
    return made;
}

}  // namespace

const SoftLookUp& SoftLookUps::of(unsigned size, Access access) {
    auto& made = made_[size << 1 | (access == Access::Write)];
    if (!made) made = std::make_unique<SoftLookUp>(assemble(size, access));
    return *made;
}

}  // namespace ringfold
