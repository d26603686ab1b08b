// The frame of a block's emission: its prologue, one instruction after the other, then the cold parts.
#include "translator/emit/emit.h"

#include <algorithm>

namespace ringfold {

Emit::Emit(const windows::Stubs& stubs, const EmitOptions& options, bool compares)
    : stubs_(stubs), options_(options), compares_(compares) {}

void Emit::begin(Block& block, const uint8_t* host, const uint8_t* guest_code) {
    holder_.reset(asmjit::ResetPolicy::kSoft);
    holder_.init(asmjit::Environment::host(), reinterpret_cast<uint64_t>(host));
    holder_.setErrorHandler(&errors_);
    holder_.attach(&a_);
    cold_.clear();
    soft_misses_.clear();
    block_ = &block;
    guest_code_ = guest_code;
    block.host = host;
    fpu_loaded_ = false;
    stack_lag_ = 0;
    plain_segments_ = 0;
    const asmjit::Label hot = a_.newLabel();
    if (block.heat) look_again(hot);
    block.entry_offset = offset();
    if (any_page()) take_page_base(block.key.eip);
    block.chained_offset = offset();
    if (block.heat) count_heat(hot);
    if (options_.profile) {
        a_.mov(x86::r8, reinterpret_cast<uint64_t>(&block.executions));
        a_.mov(x86::r9, x86::ptr(x86::r8));
        a_.lea(x86::r9, x86::ptr(x86::r9, 1));
        a_.mov(x86::ptr(x86::r8), x86::r9);
    }
}

// The way out of count_heat(): before the entry, in JRCXZ's short reach.
void Emit::look_again(const asmjit::Label& hot) {
    a_.bind(hot);
    a_.mov(x86::rcx, windows::kSavedRcx);
    a_.mov(x86::r9, reinterpret_cast<uint64_t>(block_));
    jump_to_stub(stubs_.hot);
}

// Counts down to when the block is looked at again.
void Emit::count_heat(const asmjit::Label& hot) {
    a_.mov(windows::kSavedRcx, x86::rcx);
    a_.mov(x86::r8, reinterpret_cast<uint64_t>(&block_->heat));
    a_.mov(x86::ecx, x86::ptr(x86::r8));
    a_.lea(x86::ecx, x86::ptr(x86::rcx, -1));
    a_.mov(x86::ptr(x86::r8), x86::ecx);
    a_.jecxz(x86::rcx, hot);
    a_.mov(x86::rcx, windows::kSavedRcx);
}

bool Emit::instruction(const Instruction& i, GuestVirt eip, const Instruction* next) {
    eip_ = eip;
    next_eip_ = eip + i.length;
    current_ = &i;
    following_ = next;
    start_ = offset();
    soft_accesses_ = 0;
    direct_ = block_->key.mode.direct && flat() && !needs(Remedy::SoftAccess);
    const auto earlier = block_->sites.begin();
    block_->spots.push_back({start_, static_cast<uint16_t>(eip - block_->key.eip), kNoUndo, 0, static_cast<int16_t>(stack_lag_), {}});
    const After after = dispatch(i);
    if (i.op(0).kind == OperandKind::Segment) plain_segments_ = 0;
    for (auto it = block_->sites.begin(); it != earlier; ++it) {
        Site& s = *it;
        s.resume = after == After::GoesOn ? offset() : 0;
        s.fpu = s.fpu || fpu_loaded_;
        s.loaded = !block_->loaded.empty() && block_->loaded.back().offset >= s.guest_offset;
    }
    ++block_->instructions;
    return after != After::Ended;
}

bool Emit::needs(Remedy remedy) const {
    return adaptation && adaptation->needs(remedy, block_->key.code.value + (eip_ - block_->key.eip));
}

namespace {

// Families whose instructions may go elsewhere, or change what the code behind them relies on.
bool changes_control(EmitKind kind) {
    switch (kind) {
        case EmitKind::call: case EmitKind::jump: case EmitKind::jcc: case EmitKind::ret: case EmitKind::loop:
        case EmitKind::stop: case EmitKind::sti: case EmitKind::popf: case EmitKind::mov_control:
        case EmitKind::jump_far: case EmitKind::call_far: case EmitKind::ret_far: case EmitKind::load_far_pointer:
        case EmitKind::interrupt: case EmitKind::iret: case EmitKind::sysenter: case EmitKind::sysexit:
            return true;
        default: return false;
    }
}

}  // namespace

// Is what follows in the block, and so in the shadow of a load of SS, an instruction that neither polls nor leaves?
bool Emit::shadow_is_quiet() const {
    return following_ && !changes_control(following_->row->emit);
}

Emit::After Emit::dispatch(const Instruction& i) {
    const bool simulate = options_.simulate_families >> static_cast<unsigned>(i.row->emit) & 1;
    if (simulate) return changes_control(i.row->emit) ? emit_stop(i) : emit_step(i);
    if (loads_immediate(i)) return emit_loaded(i);
    if (checks_divide(i)) return emit_checked_divide(i);
    switch (i.row->emit) {
#define EMITTER(name) \
    case EmitKind::name: return emit_##name(i);
#include "translator/classify/emitters.def"
#undef EMITTER
    }
    return emit_stop(i);
}

void Emit::fall_through(GuestVirt next) {
    if (current_->mnemonic == ZYDIS_MNEMONIC_STI) {  // what follows it may poll: the interpreter runs that
        a_.mov(windows::context(offsetof(VcpuContext, cpu.interrupt_shadow), 1), 1);
        load_eip(x86::r8d, next);
        return jump_to_stub(stubs_.look_up);
    }
    current_ = nullptr;
    eip_ = next_eip_ = next;
    if (next.value == 0) {  // around 4 GiB: the one way to go back without a jump, and so without a poll
        a_.mov(x86::r8d, 0);
        return jump_to_stub(stubs_.look_up);
    }
    go_to(next);
}

void Emit::finish() {
    // Room for the forwarder of a dead block.
    while (offset() < block_->chained_offset + windows::forwarder_bytes(any_page())) a_.nop();
    // A cold part may add others.
    for (size_t n = 0; n < cold_.size(); ++n) {
        auto emit = std::move(cold_[n]);
        emit();
    }
    emit_soft_misses();
    block_->host_length = offset();
}

std::span<const uint8_t> Emit::code() const {
    const auto& buffer = holder_.textSection()->buffer();
    return {buffer.data(), buffer.size()};
}

// A byte of the context; unless it is zero, the stub is called for the current instruction.
Site& Emit::require_zero(size_t field, const void* stub) {
    const asmjit::Label zero = a_.newLabel(), other = a_.newLabel();
    a_.mov(windows::kSavedRcx, x86::rcx);
    a_.movzx(x86::ecx, windows::context(field, 1));
    a_.jecxz(x86::rcx, zero);
    a_.jmp(other);
    a_.bind(zero);
    a_.mov(x86::rcx, windows::kSavedRcx);
    Site& s = site();
    cold([this, other, stub, &s] {
        a_.bind(other);
        a_.mov(x86::rcx, windows::kSavedRcx);
        call_monitor(s, stub);
    });
    return s;
}

Site& Emit::site(Access access, unsigned size) {
    Site& s = block_->sites.emplace_front();
    s.block = block_;
    s.guest_offset = static_cast<uint16_t>(eip_ - block_->key.eip);
    s.next_offset = static_cast<uint16_t>(next_eip_ - block_->key.eip);
    s.retry = start_;
    s.access = access;
    s.size = static_cast<uint8_t>(size);
    s.fpu = fpu_loaded_;
    return s;
}

void Emit::jump_to_stub(const void* stub) {
    a_.jmp(asmjit::Imm(reinterpret_cast<uint64_t>(stub)));
}

void Emit::call_monitor(const Site& s, const void* stub) {
    a_.mov(x86::r9, reinterpret_cast<uint64_t>(&s));
    jump_to_stub(stub);
}

}  // namespace ringfold
