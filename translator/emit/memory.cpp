// Guest memory operands: the linear address, then the soft TLB or the window.
//
// Nothing here touches the guest's flags: LEA adds, RORX and SHRX shift, JRCXZ tests. So the flags are exact at
// every fault without being saved.
#include <cstring>

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
        a_.mov(kLinear, m.address_size == 2 ? m.displacement & 0xffff : m.displacement);
    if (m.address_size == 2 && (base || index)) a_.movzx(kLinear, x86::r8w);
}

void Emit::add_segment_base(unsigned segment) {
    a_.mov(kIndex, context(offsetof(VcpuContext, cpu.segment) + segment * sizeof(SegmentRegister) +
                           offsetof(SegmentRegister, base)));
    a_.lea(kLinear, x86::ptr(x86::r8, x86::r9));
}

bool Emit::linear_address(const Instruction& i) {
    const MemoryOperand& m = i.memory;
    if (!flat()) {
        if (m.segment == CS && (i.writes_memory() ? !segments().real : !segments().code_readable)) return false;
        effective_address(m);
        segment_ = m.segment;
        offset16_ = m.address_size == 2;
        return true;
    }
    if (m.segment == FS || m.segment == GS) {
        require_plain(m.segment);
        effective_address(m);
        add_segment_base(m.segment);
        return true;
    }
    // Blocks are translated only while CS, SS, DS and ES are flat, but code segments cannot be written.
    if (m.segment == CS && i.writes_memory()) return false;
    effective_address(m);
    return true;
}

// Its limit and rights allow everything: what is emitted behind this only adds its base. What the block has made sure of holds
// until it loads that register, or comes back from a call.
void Emit::require_plain(unsigned segment) {
    const uint8_t bit = static_cast<uint8_t>(1u << segment);
    if (plain_segments_ & bit) return;
    plain_segments_ |= bit;
    // Stop, not step: the code behind this one takes it for granted.
    require_zero(segment == FS ? offsetof(VcpuContext, odd_fs) : offsetof(VcpuContext, odd_gs), stubs_.stop);
}

x86::Mem Emit::guest_memory(unsigned size, Access access) {
    if (!flat()) return segmented_memory(size, access);
    if (direct()) {
        x86::Mem m = x86::ptr(kLinear);
        m.setSegment(x86::gs);
        return m;
    }
    const SoftLookUp& look_up = soft_look_ups_.of(size, access);
    const uint32_t field = offset() + look_up.miss;
    raw(look_up.code);
    Site& s = site(access, size);
    s.second = soft_accesses_++ != 0;
    s.hit = block_->host + offset();
    soft_misses_.push_back({field, &s});
    return x86::ptr(x86::r8, x86::r9);
}

// In direct form its own address expression, where that is not longer.
std::optional<x86::Mem> Emit::operand_memory(const Instruction& i, unsigned size, Access access) {
    const MemoryOperand& m = i.memory;
    const bool base = m.base != kNoRegister, index = m.index != kNoRegister;
    if (!direct() || m.segment > DS || m.address_size != 4 || !(base || index)) {
        if (!linear_address(i)) return std::nullopt;
        return guest_memory(size, access);
    }
    const uint32_t shift = m.scale == 8 ? 3 : m.scale == 4 ? 2 : m.scale == 2 ? 1 : 0;
    x86::Mem own = base && index ? x86::ptr(host32(m.base), host32(m.index), shift, m.displacement)
                   : base        ? x86::ptr(host32(m.base), m.displacement)
                                 : x86::ptr(static_cast<uint64_t>(int64_t{m.displacement}), host32(m.index), shift);
    own.setSegment(x86::gs);
    return own;
}

// The way from each look-up's miss to the monitor, as bytes for the same reason as the look-ups.
void Emit::emit_soft_misses() {
    for (const auto& [field, site] : soft_misses_) {
        HostBytes code;
        code.add_all({0x4c, 0x89, 0xd9});  // mov rcx, r11
        code.add_all({0x49, 0xb9});        // mov r9, site
        code.add_number(reinterpret_cast<uint64_t>(site), 8);
        const uint32_t at = offset();
        code.add_jump(block_->host + at, site->access == Access::Write ? stubs_.soft_write_miss : stubs_.soft_miss);
        raw(code.span());
        const uint32_t distance = at - (field + 4);
        memcpy(holder_.textSection()->buffer().data() + field, &distance, 4);
    }
    soft_misses_.clear();
}

}  // namespace ringfold
