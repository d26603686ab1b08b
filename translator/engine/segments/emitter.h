// Emission of 32-bit code: IDENT is a copy of the guest's bytes; the rest are sequences that borrow a register or two, which
// they set aside in the vCPU's state, or a call of the interpreter.
//
// Direct accesses find the guest's memory at its own linear addresses. Where an access must not be direct, the interpreter
// runs the instruction: there is no soft TLB that 32-bit code could use, since guest RAM itself lies above 4 GiB.
#pragma once

#include <functional>
#include <vector>

#include "translator/adaptation/adaptation.h"
#include "translator/classify/classifier.h"
#include "translator/engine/block_emitter.h"
#include "translator/engine/segments/state.h"
#include "translator/engine/segments/stubs.h"
#include "translator/engine/windows/emission_errors.h"
#include "translator/translator_options.h"

namespace ringfold::segments {

// Bytes that a dead block's entry needs: MOV %gs:[disp32], imm32, and JMP rel32.
inline constexpr uint32_t kForwarderBytes = 16;

class Emitter final : public BlockEmitter {
public:
    Emitter(const Stubs& stubs, const EmitOptions& options, const CodeCache& cache, const LowMemory& low)
        : stubs_(stubs), options_(options), cache_(cache), low_(low) {}

    void begin(Block& block, const uint8_t* host, const uint8_t* guest_code) override;
    bool instruction(const Instruction&, GuestVirt eip, const Instruction* next) override;
    void fall_through(GuestVirt next) override;
    void finish() override;
    std::span<const uint8_t> code() const override;

private:
    enum class After : bool { GoesOn, Ended };

    After dispatch(const Instruction&);
    After copy(const Instruction&);
    After ident(const Instruction&);
    After fpu(const Instruction&);
    After string(const Instruction&);
    After through_segment(const Instruction&);
    After step(const Instruction& i) { return call_interpreter(i, stubs_.step, After::GoesOn); }
    After stop(const Instruction& i) { return call_interpreter(i, stubs_.stop, After::Ended); }
    After call_interpreter(const Instruction&, const void* stub, After);
    // --- top.cpp
    bool reaches_top() const { return block_->key.mode.direct && flat() && !block_->key.mode.user; }
    After top_operand(const Instruction&);
    After top_push(const Instruction&);
    After top_pop(const Instruction&);
    x86::Mem top_stack(int32_t offset) const;
    void require_top(const std::function<void()>& load_ecx);
    // --- control.cpp
    After call(const Instruction&);
    After jump(const Instruction&);
    After jcc(const Instruction&);
    After loop(const Instruction&);
    After ret(const Instruction&);
    // --- system.cpp
    After move_segment(const Instruction&);
    After push_segment(const Instruction&);
    After move_control(const Instruction&);
    After cli();
    After sti(const Instruction&);
    After pushf(const Instruction&);
    After direction(bool down);
    After popf(const Instruction&);
    After rdtsc(const Instruction&);
    After load_segment(const Instruction&, unsigned segment);

    void poll();
    void go_to(GuestVirt target);
    bool chains(GuestVirt target) const;
    bool leaves_page(GuestVirt target) const;
    GuestVirt near_target(const Instruction&) const;
    bool reaches(const Instruction&, GuestVirt target) const;
    bool goes_to_any(const Instruction&) const;
    void push_return_address(unsigned size);
    asmjit::Label exit_thunk(GuestVirt target);
    void linked();
    void jump_through_slot(GuestVirt target);
    // ecx: the target EIP; eax and ecx are set aside.
    void jump_to_ecx();
    bool load_target(const Instruction&);
    static x86::Mem segment_base(unsigned segment);
    void copy_as_load_of_ecx(const Instruction&);
    void copy_as_load_of_eax(const Instruction&);
    void copy_memory_operand(const Instruction&, std::initializer_list<unsigned> opcode, unsigned reg);
    const Segmentation& segments() const { return block_->key.mode.segments; }
    bool flat() const { return segments().flat(); }
    uint32_t my_jump_table() const { return jump_table(block_->key.mode.user, flat()); }
    // An access of an instruction that reaches memory by DS, ES or SS without a check of ours.
    bool plain(const Instruction& i) const { return direct_ && i.memory.segment != CS && i.memory.segment != FS && i.memory.segment != GS; }

    void set_aside(unsigned reg) { a_.mov(spill(reg), x86::gpd(reg)); }
    void take_back(unsigned reg) { a_.mov(x86::gpd(reg), spill(reg)); }
    // From here to the end of the instruction a fault finds the register set aside.
    void undo_from_here(unsigned reg);
    Site& site();
    void name_subject(const void* subject);
    void call_monitor(const Site&, const void* stub);
    void jump_to_stub(const void* stub);
    void cold(std::function<void()> emit) { cold_.push_back(std::move(emit)); }
    void raw(std::span<const uint8_t> bytes) { a_.embed(bytes.data(), bytes.size()); }
    uint32_t offset() const { return static_cast<uint32_t>(a_.offset()); }
    Site& require_zero(const x86::Mem& byte, const void* otherwise);
    Site& require_zero_ecx(const std::function<void()>& load, const void* otherwise);
    void begin_entry();
    void require_segmentation();
    void count_execution();

    const Stubs& stubs_;
    EmitOptions options_;
    const CodeCache& cache_;
    const LowMemory& low_;
    windows::EmissionErrors errors_;
    asmjit::CodeHolder holder_;
    x86::Assembler a_;
    std::vector<std::function<void()>> cold_;

    Block* block_ = nullptr;
    GuestVirt eip_{}, next_eip_{};
    const Instruction* current_ = nullptr;
    uint32_t start_ = 0;
    bool direct_ = false;
    bool fpu_loaded_ = false;
};

// The heat of the block that begins there.
uint32_t heat_offset(const CodeCache& cache, const uint8_t* host);
uint32_t executions_offset(const CodeCache& cache, const uint8_t* host);  // with EmitOptions::profile

}  // namespace ringfold::segments
