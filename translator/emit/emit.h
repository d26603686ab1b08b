// The windows engine's BlockEmitter.
//
// One function per family of emitters.def, in the file of the family: ident.cpp, stack.cpp, branch.cpp, flags.cpp,
// string.cpp, system.cpp, gate.cpp, simulate.cpp. A function that meets a case it does not handle calls step() or stop(): the
// interpreter's turn, which is always right. What is rare goes to cold(), behind the block's straight path.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include <asmjit/x86.h>

#include "translator/adaptation/adaptation.h"
#include "translator/cache/block.h"
#include "translator/cache/patch_history.h"
#include "translator/classify/classifier.h"
#include "translator/emit/reencode.h"
#include "translator/emit/soft_look_up.h"
#include "translator/engine/block_emitter.h"
#include "translator/engine/windows/emission_errors.h"
#include "translator/engine/windows/registers.h"
#include "translator/engine/windows/stubs.h"
#include "translator/translator_options.h"
#include "vmm/base/fault.h"

namespace ringfold {

namespace x86 = asmjit::x86;

class Emit final : public BlockEmitter {
public:
    // `compares`: see VcpuMemory.
    Emit(const windows::Stubs& stubs, const EmitOptions& options, bool compares);

    void begin(Block& block, const uint8_t* host, const uint8_t* guest_code) override;
    bool instruction(const Instruction&, GuestVirt eip, const Instruction* next) override;
    void fall_through(GuestVirt next) override;
    void finish() override;
    std::span<const uint8_t> code() const override;

private:
    // Returned: behind a call, in the same block.
    enum class After : uint8_t { GoesOn, Ended, Returned };

    // --- families -------------------------------------------------------------------------------------------
    After emit_ident(const Instruction&);
    After emit_step(const Instruction&);
    After emit_stop(const Instruction&);
    After emit_nothing(const Instruction&);
    After emit_push(const Instruction&);
    After emit_pop(const Instruction&);
    After emit_leave(const Instruction&);
    After emit_call(const Instruction&);
    After emit_jump(const Instruction&);
    After emit_jcc(const Instruction&);
    After emit_ret(const Instruction&);
    After emit_loop(const Instruction&);
    After emit_fpu(const Instruction&);
    After emit_simd(const Instruction&);
    After emit_mov_segment(const Instruction&);
    After emit_push_segment(const Instruction&);
    After emit_pop_segment(const Instruction&);
    After emit_cli(const Instruction&);
    After emit_sti(const Instruction&);
    After emit_pushf(const Instruction&);
    After emit_popf(const Instruction&);
    After emit_cld(const Instruction&);
    After emit_std_(const Instruction&);
    After emit_bit_string(const Instruction&);
    After emit_string(const Instruction&);
    After emit_string_once(const Instruction&);
    void call_string_stub(const Site&, const void* stub);
    void repeat_in_window(const Instruction&, const Site&, const void* stub);
    void string_address(const Instruction&, unsigned reg, unsigned segment);
    void require_upwards(const Instruction&);
    After emit_checked_divide(const Instruction&);
    bool checks_divide(const Instruction&) const;
    void load_divisor(const Operand&);
    void compare_upper_half(unsigned size);
    void divide_in_64_bits(unsigned size);
    After emit_loaded(const Instruction&);
    bool shadow_is_quiet() const;
    bool loads_immediate(const Instruction&) const;
    After emit_mov_control(const Instruction&);
    After emit_clts(const Instruction&);
    After emit_rdtsc(const Instruction&);
    After emit_port(const Instruction&);
    After emit_quick(const Instruction&);
    After emit_interrupt(const Instruction&);
    After emit_iret(const Instruction&);
    After emit_sysenter(const Instruction&);
    After emit_sysexit(const Instruction&);
    After dispatch(const Instruction&);

    // --- guest memory (memory.cpp) ---------------------------------------------------------------------------
    // r8d = linear address of the memory operand. Declines (false) where the segment's checks are not emitted.
    bool linear_address(const Instruction&);
    void effective_address(const MemoryOperand&);
    void require_plain(unsigned segment);
    void add_segment_base(unsigned segment);
    // The host's operand for guest memory at r8d: through the soft TLB [r8 + r9], or through the window gs:[r8d].
    // Clobbers r8 to r11; a miss calls the monitor and starts the instruction again, so nothing may have changed.
    x86::Mem guest_memory(unsigned size, Access);
    // The same for the instruction's memory operand. Declines as linear_address() does.
    std::optional<x86::Mem> operand_memory(const Instruction&, unsigned size, Access);
    x86::Mem stack_memory(int displacement, unsigned size, Access);
    void move_stack(int by);  // ESP += by, or SP
    void move_stack_later(int by);
    bool takes_lag(const Instruction& next) const;
    void advance(unsigned reg, int by, unsigned address_size);
    // The form that guest_memory() leads to, for reencode().
    MemoryForm form() const { return direct_ ? MemoryForm::WindowScratch : MemoryForm::Pointer; }
    bool direct() const { return direct_; }
    bool needs(Remedy) const;  // is the current instruction guilty?
    void emit_soft_misses();
    // --- the same in code that is not flat (segmented_memory.cpp) --------------------------------------------
    bool flat() const { return block_->key.mode.flat(); }
    const Segmentation& segments() const { return block_->key.mode.segments; }
    enum class LimitCheck : uint8_t { None, Astride, Full };
    LimitCheck limit_check(unsigned size) const;
    void excess(LimitCheck, const x86::Gp& offset, unsigned size, Access);
    void add_base_to_offset();
    x86::Mem segmented_memory(unsigned size, Access);
    void segmented_miss(const asmjit::Label& miss, const Site&, LimitCheck);
    After segmented_leave(const Instruction&);
    After segmented_pop_to_memory(const Instruction&);
    x86::Mem segmented_stack_memory(int displacement, unsigned size, Access);
    void look_again(const asmjit::Label& hot);
    void count_heat(const asmjit::Label& hot);
    // --- code that runs at any linear page (any_page.cpp) -----------------------------------------------------
    bool any_page() const { return block_->key.any_page; }
    // EIPs are offsets in the page there.
    void load_eip(const x86::Gp& to, GuestVirt eip);
    void take_page_base(GuestVirt here);
    void push_page_base();
    void check_page_base(GuestVirt here);
    void store_eip(const x86::Mem& to, GuestVirt eip);
    bool may_go_back(GuestVirt target) const;

    // --- leaving (branch.cpp, simulate.cpp) ------------------------------------------------------------------
    void poll();  // a waiting event interrupts here, before the current instruction
    void go_to(GuestVirt target);
    void call_target(GuestVirt target);
    After call_compared(const Instruction&);
    struct JumpSlot {
        x86::Mem host;
        asmjit::Label miss;
    };
    JumpSlot look_up_jump();
    void jump_index();
    bool compares_target() const;
    x86::Mem compared_jump();
    void branch_if(x86::CondCode, GuestVirt target);
    void jump_through_slot(GuestVirt target);
    // --- the same in code that is not flat (segmented_branch.cpp) --------------------------------------------
    GuestVirt near_target(const Instruction&) const;
    bool reaches(const Instruction&, GuestVirt target) const;
    bool goes_to_any(const Instruction&) const;
    void require_low_target(const Instruction&);
    GuestVirt linear(GuestVirt eip) const { return eip + segments().code_base; }
    JumpSlot segmented_slot(uint32_t id, GuestVirt target);
    void segmented_jump_through_slot(uint32_t id, GuestVirt target);
    void segmented_call_through_slot(uint32_t id, GuestVirt target);
    JumpSlot segmented_look_up_jump();
    After loop_by_cx(const Instruction&, GuestVirt target);
    // --- far, in real and virtual-8086 mode (real_far.cpp) ----------------------------------------------------
    After emit_jump_far(const Instruction&);
    After emit_call_far(const Instruction&);
    After emit_ret_far(const Instruction&);
    bool far_inline(const Instruction&) const;
    uint32_t id_of_selector(uint32_t selector) const;
    void set_code_segment(uint32_t selector);
    void take_far_target();
    void go_to_far(uint32_t selector, GuestVirt target);
    void call_far_target(uint32_t selector, GuestVirt target);
    After emit_exchange(const Instruction&);
    After segmented_ret(const Instruction&, int popped);
    // May a jump to this target be patched in, rather than looked up in the current view each time?
    bool chains(GuestVirt target) const { return chains_to(linear(target)); }
    bool chains_to(GuestVirt linear) const;
    asmjit::Label exit_thunk(GuestVirt target) { return exit_thunk(target, linear(target), 0); }  // of a new link
    asmjit::Label exit_thunk(GuestVirt target, GuestVirt linear, uint32_t segmentation);
    void linked();                               // the last four bytes emitted are that link's rel32
    void jump_to_stub(const void* stub);
    // `size` 4, or in code that is not flat also 2.
    void push_value(unsigned size, std::function<void(const x86::Mem&)> store);
    void push_dword(std::function<void(const x86::Mem&)> store) { push_value(4, std::move(store)); }
    After call_host(GuestVirt return_eip, std::function<void()> call);
    void check_return(GuestVirt return_eip);
    void segmented_check_return(GuestVirt return_eip);

    void load_segment(const Instruction&, unsigned segment);

    std::optional<Vector> certain_fault(const Instruction&) const;
    bool loads_inline(unsigned segment) const;
    void load_real_segment(const Instruction&, unsigned segment);
    After emit_load_far_pointer(const Instruction&);
    After emit_push_all(const Instruction&);
    After emit_pop_all(const Instruction&);
    After emit_xlat(const Instruction&);
    After call_interpreter(const Instruction&, const void* stub);

    // --- system.cpp, gate.cpp --------------------------------------------------------------------------------
    After change_task_switched(const Instruction&, const x86::Gp& value);
    Site& interpreted_at(const asmjit::Label& rare, const void* stub);
    void keep_flags();
    void take_flags_back();
    void light_call(const Instruction&, const void* stub);
    After leave_by(const Instruction&, const void* stub);

    // A site for the current instruction; `resume` is set when the instruction ends.
    Site& site(Access access = Access::Read, unsigned size = 0);
    Site& require_zero(size_t field, const void* stub);
    void call_monitor(const Site&, const void* stub);
    void cold(std::function<void()> emit) { cold_.push_back(std::move(emit)); }
    void raw(std::span<const uint8_t> bytes) { a_.embed(bytes.data(), bytes.size()); }
    uint32_t offset() const { return static_cast<uint32_t>(a_.offset()); }

    const windows::Stubs& stubs_;
    const EmitOptions options_;
    const bool compares_;
    windows::EmissionErrors errors_;
    asmjit::CodeHolder holder_;
    x86::Assembler a_;
    std::vector<std::function<void()>> cold_;
    SoftLookUps soft_look_ups_;
    struct SoftMiss {
        uint32_t field;  // host offset of the rel32 that leads there
        const Site* site;
    };
    std::vector<SoftMiss> soft_misses_;

    Block* block_ = nullptr;
    const uint8_t* guest_code_ = nullptr;
    GuestVirt eip_{}, next_eip_{};  // the current instruction and the one behind it
    const Instruction* current_ = nullptr;
    const Instruction* following_ = nullptr;  // it, in the block
    uint32_t start_ = 0;          // host offset of the current instruction
    unsigned segment_ = DS;       // in code that is not flat: where the offset in r8d lies
    bool offset16_ = false;       // ... and whether it has 16 bits
    bool direct_ = false;         // how the current instruction reaches memory
    unsigned soft_accesses_ = 0;  // of the current instruction
    int stack_lag_ = 0;           // ESP is still to be moved by this: see move_stack_later()
    bool fpu_loaded_ = false;     // the block has made sure of the FPU state
    uint8_t plain_segments_ = 0;  // ... and that these (bits: FS, GS) lack limits
};

}  // namespace ringfold
