// Segment registers: access checks, loads, and stacks that are being switched to.
#pragma once

#include "translator/interpreter/descriptor.h"
#include "translator/interpreter/interpreter.h"

namespace ringfold::interpreter {

// Do `size` bytes at `offset` lie within the limit (SDM volume 3, 5.3)?
inline bool within_limit(const SegmentRegister& s, uint32_t offset, unsigned size) {
    const uint64_t last = uint64_t{offset} + size - 1;
    if (s.expand_down()) [[unlikely]]
        return offset > s.limit && last <= (s.big() ? 0xffffffffu : 0xffffu);
    // With a 4 GiB limit an access may wrap (SDM volume 3, 5.3: implementation-specific); ours does.
    return last <= s.limit || s.limit == 0xffffffff;
}

// What a real-mode or v86 load leaves in a segment register.
SegmentRegister real_mode_segment(const CpuState&, const SegmentRegister& old, uint16_t selector);
SegmentRegister v86_segment(uint16_t selector);
inline bool segments_are_real(const CpuState& s) { return !s.protected_mode() || s.v86(); }

// Loads ES, SS, DS, FS or GS with every check of MOV sreg.
void load_segment(Interpreter&, unsigned segment, uint16_t selector);

// The checks on a new SS for privilege `cpl`, failing with `bad` (#TS for gates, #GP for returns); the result is
// ready to be assigned, and its descriptor marked accessed.
SegmentRegister new_stack_segment(Interpreter&, uint16_t selector, unsigned cpl, Vector bad, uint32_t ext = 0);

// On a return to an outer ring: data segments that the new CPL may not use become null.
void drop_inner_data_segments(CpuState&);

// The checks on the CS that RET and IRET pop.
Descriptor return_code_segment(Interpreter&, uint16_t selector);
// SS:ESP of an outer ring; the upper half of ESP stays when that stack is a 16-bit one.
void load_outer_stack(CpuState&, const SegmentRegister& ss, uint32_t esp);

// Sets CS, EIP's segment, and with it CPL.
void set_code_segment(CpuState&, const SegmentRegister&, unsigned cpl);

// Throws #GP(ext) unless `offset` lies within the limit of a code segment about to be entered.
inline void check_entry_point(const SegmentRegister& cs, uint32_t offset, uint32_t ext = 0) {
    if (offset > cs.limit) throw GuestFault::general_protection(ext);
}

// A stack that is or may become the current one. Nothing of the CPU's state changes until the caller takes esp().
class StackFrame {
public:
    StackFrame(Interpreter& cpu, const SegmentRegister& ss, uint32_t esp, Privilege privilege, uint32_t error)
        : cpu_(cpu), ss_(ss), esp_(esp), privilege_(privilege), error_(error) {}
    // The current stack.
    explicit StackFrame(Interpreter& cpu, uint32_t error = 0)
        : StackFrame(cpu, cpu.state().segment[SS], cpu.state().gpr[ESP], cpu.state().privilege(), error) {}

    void push(uint32_t value, unsigned size);
    uint32_t pop(unsigned size);
    // Throws #SS unless `bytes` more can be pushed / popped.
    void require_room(unsigned bytes) const;
    void require_content(unsigned bytes) const;
    void skip(uint32_t bytes) { esp_ = moved(bytes); }
    // The stack pointer to load: with a 16-bit stack the upper half stays.
    uint32_t esp() const { return esp_; }

private:
    uint32_t moved(uint32_t by) const { return ss_.big() ? esp_ + by : (esp_ & 0xffff0000) | ((esp_ + by) & 0xffff); }
    uint32_t offset(uint32_t esp) const { return ss_.big() ? esp : esp & 0xffff; }
    GuestVirt checked(uint32_t esp, unsigned size) const;

    Interpreter& cpu_;
    SegmentRegister ss_;
    uint32_t esp_;
    Privilege privilege_;
    uint32_t error_;
};

}  // namespace ringfold::interpreter
