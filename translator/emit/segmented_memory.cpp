// Memory operands of code that is not flat: offset, limit, base, then the soft TLB.
//
// The limit is checked by adding: the number in the context (SegmentChecks) and the offset of the last byte reach
// 2^32 if the access is out of order. What is above is added to what is left above the page offset by the soft TLB's
// look-up, so that one JECXZ tests both. Which of them it was is found out behind the block.
#include <utility>

#include "translator/emit/emit.h"

namespace ringfold {

using namespace windows;

namespace {

x86::Mem check_of(unsigned segment, Access access) {
    const size_t array =
        access == Access::Write ? offsetof(VcpuContext, write_check) : offsetof(VcpuContext, read_check);
    return context(array + 8 * segment, 8);
}

x86::Mem base_of(unsigned segment) {
    return context(
        offsetof(VcpuContext, cpu.segment) + segment * sizeof(SegmentRegister) + offsetof(SegmentRegister, base), 4);
}

}  // namespace

// In plain segments a 16-bit offset can only reach too far if the access lies astride 64 KiB.
Emit::LimitCheck Emit::limit_check(unsigned size) const {
    if (!segments().plain || !offset16_) return LimitCheck::Full;
    return size == 1 ? LimitCheck::None : LimitCheck::Astride;
}

// rcx = 0 in its lower half if `size` bytes at that offset are within the limit.
void Emit::excess(LimitCheck check, const x86::Gp& offset, unsigned size, Access access) {
    const auto last = static_cast<int32_t>(size) - 1;
    if (check == LimitCheck::Astride) {
        a_.lea(x86::ecx, x86::ptr(offset.r64(), last));
        a_.rorx(x86::ecx, x86::ecx, 16);
        a_.movzx(x86::ecx, x86::cx);
    } else {
        a_.mov(x86::rcx, check_of(segment_, access));
        a_.lea(x86::rcx, x86::ptr(x86::rcx, offset.r64(), 0, last));
        a_.rorx(x86::rcx, x86::rcx, 32);
    }
}

void Emit::add_base_to_offset() {
    if (segment_ == CS) {
        if (segments().code_base) a_.lea(kLinear, x86::ptr(x86::r8, static_cast<int32_t>(segments().code_base)));
        return;
    }
    a_.mov(kIndex, base_of(segment_));
    a_.lea(kLinear, x86::ptr(x86::r8, x86::r9));
}

// r8d: the offset within segment_. As guest_memory().
x86::Mem Emit::segmented_memory(unsigned size, Access access) {
    const LimitCheck check = limit_check(size);
    const asmjit::Label hit = a_.newLabel(), miss = a_.newLabel();
    const size_t bias = access == Access::Write ? offsetof(View, tlb.write_bias) : offsetof(View, tlb.read_bias);
    a_.mov(kSavedRcx, x86::rcx);
    if (check != LimitCheck::None) excess(check, kLinear, size, access);
    add_base_to_offset();
    a_.rorx(kIndex, kLinear, 12 + kTlbBits);
    a_.shrx(kIndex, kIndex, kView.r32());
    a_.mov(kTag, view(bias, x86::r9, 2));
    a_.lea(kTag, x86::ptr(x86::r10, x86::r8, 0, static_cast<int32_t>(size) - 1));
    if (check == LimitCheck::None) {
        a_.shrx(x86::ecx, kTag, kContext.r32());
    } else {
        a_.shrx(kTag, kTag, kContext.r32());
        a_.lea(x86::ecx, x86::ptr(x86::rcx, x86::r10));
    }
    a_.jecxz(x86::rcx, hit);
    a_.jmp(miss);
    a_.bind(hit);
    a_.mov(x86::rcx, kSavedRcx);
    a_.mov(x86::r9, view(offsetof(View, tlb.addend), x86::r9, 3));
    Site& s = site(access, size);
    s.second = soft_accesses_++ != 0;
    s.hit = block_->host + offset();
    segmented_miss(miss, s, check);
    return x86::ptr(x86::r8, x86::r9);
}

// r8d: the linear address; the guest's rcx in r11.
void Emit::segmented_miss(const asmjit::Label& miss, const Site& s, LimitCheck check) {
    cold([this, miss, &s, check, segment = segment_] {
        const asmjit::Label within = a_.newLabel();
        a_.bind(miss);
        if (check != LimitCheck::None) {
            segment_ = segment;
            if (segment == CS) {
                a_.lea(x86::r10d, x86::ptr(x86::r8, static_cast<int32_t>(0u - segments().code_base)));
            } else {
                a_.mov(x86::r10d, base_of(segment));
                a_.not_(x86::r10d);
                a_.lea(x86::r10d, x86::ptr(x86::r10, x86::r8, 0, 1));
            }
            excess(check, x86::r10d, s.size, s.access);
            a_.mov(x86::ecx, x86::ecx);
            a_.jecxz(x86::rcx, within);
            a_.mov(x86::rcx, kSavedRcx);
            call_monitor(s, stubs_.step);
            a_.bind(within);
        }
        a_.mov(x86::rcx, kSavedRcx);
        call_monitor(s, s.access == Access::Write ? stubs_.soft_write_miss : stubs_.soft_miss);
    });
}

// What lies `displacement` above the top of the stack.
x86::Mem Emit::segmented_stack_memory(int displacement, unsigned size, Access access) {
    a_.lea(kLinear, x86::ptr(x86::r12, displacement));
    if (segments().stack16) a_.movzx(kLinear, x86::r8w);
    segment_ = SS;
    offset16_ = segments().stack16;
    return segmented_memory(size, access);
}

void Emit::move_stack(int by) {
    by += std::exchange(stack_lag_, 0);
    if (by == 0) return;
    if (!segments().stack16) return void(a_.lea(x86::r12d, x86::ptr(x86::r12, by)));
    a_.lea(x86::r9d, x86::ptr(x86::r12, by));
    a_.mov(x86::r12w, x86::r9w);
}

// A register that an address of that size moves.
void Emit::advance(unsigned reg, int by, unsigned address_size) {
    if (address_size == 4) return void(a_.lea(host32(reg), x86::ptr(host64(reg), by)));
    a_.lea(x86::r9d, x86::ptr(host64(reg), by));
    a_.mov(host16(reg), x86::r9w);
}

}  // namespace ringfold
