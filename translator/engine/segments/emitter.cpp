// The frame of a block's emission, and which instruction takes which way.
#include "translator/engine/segments/emitter.h"

#include "translator/interpreter/handlers.h"

namespace ringfold::segments {

uint32_t heat_offset(const CodeCache& cache, const uint8_t* host) {
    return kHeat + static_cast<uint32_t>(host - cache.begin()) / 16 * 4;
}

void Emitter::begin(Block& block, const uint8_t* host, const uint8_t*) {
    holder_.reset(asmjit::ResetPolicy::kSoft);
    holder_.init(asmjit::Environment(asmjit::Arch::kX86), reinterpret_cast<uint64_t>(host));
    holder_.setErrorHandler(&errors_);
    holder_.attach(&a_);
    cold_.clear();
    block_ = &block;
    block.host = host;
    fpu_loaded_ = false;
    begin_entry();
}

// Jump tables lead here, with the target EIP in ecx: several EIPs share an entry, so the block looks whether it is the one
// that is meant. Chained jumps enter behind that.
void Emitter::begin_entry() {
    const asmjit::Label hot = a_.newLabel(), met = a_.newLabel();
    const auto eip = static_cast<int32_t>(block_->key.eip.value);
    a_.lea(x86::ecx, x86::ptr(x86::ecx, -eip));
    a_.jecxz(x86::ecx, met);
    a_.lea(x86::ecx, x86::ptr(x86::ecx, eip));
    jump_to_stub(stubs_.jump_miss);
    if (block_->heat) {
        a_.bind(hot);
        take_back(ECX);
        name_subject(block_);
        jump_to_stub(stubs_.hot);
    }
    a_.bind(met);
    if (!flat()) require_segmentation();
    take_back(EAX);
    take_back(ECX);
    block_->entry_offset = block_->chained_offset = offset();
    if (options_.profile) count_execution();
    if (!block_->heat) return;
    const uint32_t heat = heat_offset(cache_, block_->host);
    low_.word(heat) = block_->heat;
    set_aside(ECX);
    a_.mov(x86::ecx, state(heat));
    a_.lea(x86::ecx, x86::ptr(x86::ecx, -1));
    a_.mov(state(heat), x86::ecx);
    a_.jecxz(x86::ecx, hot);
    take_back(ECX);
}

// 64 bits, in the words behind the heat. They are this block's: its code is longer than 48 bytes.
uint32_t executions_offset(const CodeCache& cache, const uint8_t* host) {
    return heat_offset(cache, host) + 4;
}

void Emitter::count_execution() {
    const asmjit::Label carry = a_.newLabel(), counted = a_.newLabel();
    const uint32_t at = executions_offset(cache_, block_->host);
    low_.word(at) = low_.word(at + 4) = 0;
    set_aside(ECX);
    const auto add_one = [&](uint32_t word) {
        a_.mov(x86::ecx, state(word));
        a_.lea(x86::ecx, x86::ptr(x86::ecx, 1));
        a_.mov(state(word), x86::ecx);
    };
    add_one(at);
    a_.jecxz(x86::ecx, carry);
    a_.jmp(counted);
    a_.bind(carry);
    add_one(at + 4);
    a_.bind(counted);
    take_back(ECX);
}

// ecx is free: it was the EIP. Code that is not flat is at home in one segmentation.
void Emitter::require_segmentation() {
    const asmjit::Label met = a_.newLabel();
    a_.mov(x86::ecx, STATE(segments_state.segmentation));
    a_.lea(x86::ecx, x86::ptr(x86::ecx, -static_cast<int32_t>(segments().id)));
    a_.jecxz(x86::ecx, met);
    a_.mov(x86::ecx, block_->key.eip.value);
    jump_to_stub(stubs_.jump_miss);
    a_.bind(met);
}

bool Emitter::instruction(const Instruction& i, GuestVirt eip, const Instruction*) {
    eip_ = eip;
    next_eip_ = eip + i.length;
    current_ = &i;
    start_ = offset();
    const uint64_t code = block_->key.code.value + (eip - block_->key.eip);
    direct_ = block_->key.mode.direct && !(adaptation && adaptation->needs(Remedy::SoftAccess, code));
    const auto earlier = block_->sites.begin();
    block_->spots.push_back({start_, static_cast<uint16_t>(eip - block_->key.eip), kNoUndo, 0});
    const bool checked = adaptation && adaptation->needs(Remedy::CheckedDivide, code);
    const After after = checked ? step(i) : dispatch(i);
    for (auto it = block_->sites.begin(); it != earlier; ++it) {
        Site& s = *it;
        s.resume = after == After::GoesOn ? offset() : 0;
        s.fpu = s.fpu || fpu_loaded_;
    }
    ++block_->instructions;
    return after == After::GoesOn;
}

namespace {

// Families whose instructions may go elsewhere, or change what the code behind them relies on.
bool changes_control(EmitKind kind) {
    switch (kind) {
        case EmitKind::call: case EmitKind::jump: case EmitKind::jcc: case EmitKind::ret: case EmitKind::loop:
        case EmitKind::stop: case EmitKind::sti: case EmitKind::popf: case EmitKind::mov_control:
        case EmitKind::interrupt: case EmitKind::iret: case EmitKind::sysenter: case EmitKind::sysexit:
        case EmitKind::load_far_pointer: case EmitKind::jump_far: case EmitKind::call_far: case EmitKind::ret_far:
            return true;
        default: return false;
    }
}

}  // namespace

Emitter::After Emitter::dispatch(const Instruction& i) {
    const bool simulate = options_.simulate_families >> static_cast<unsigned>(i.row->emit) & 1;
    if (simulate) return changes_control(i.row->emit) ? stop(i) : step(i);
    switch (i.row->emit) {
        case EmitKind::ident: return ident(i);
        case EmitKind::fpu: return fpu(i);
        case EmitKind::simd: return block_->key.mode.sse ? fpu(i) : step(i);
        case EmitKind::nothing: ++block_->ident; return After::GoesOn;
        case EmitKind::push: case EmitKind::pop: case EmitKind::leave: {
            const Operand& op = i.op(0);
            if (!direct_) return i.row->emit == EmitKind::push ? top_push(i) : i.row->emit == EmitKind::pop ? top_pop(i) : step(i);
            if (op.kind == OperandKind::Memory && !plain(i)) return step(i);
            return copy(i);
        }
        case EmitKind::push_all: case EmitKind::pop_all: return direct_ ? copy(i) : step(i);
        case EmitKind::string: case EmitKind::xlat: return string(i);
        case EmitKind::call: return call(i);
        case EmitKind::jump: return jump(i);
        case EmitKind::jcc: return jcc(i);
        case EmitKind::loop: return loop(i);
        case EmitKind::ret: return ret(i);
        case EmitKind::mov_segment: return move_segment(i);
        case EmitKind::push_segment: return push_segment(i);
        case EmitKind::mov_control: return move_control(i);
        case EmitKind::cli: return cli();
        case EmitKind::sti: return sti(i);
        case EmitKind::pushf: return pushf(i);
        case EmitKind::popf: return popf(i);
        case EmitKind::rdtsc: return rdtsc(i);
        case EmitKind::pop_segment: return load_segment(i, i.op(0).reg);
        case EmitKind::cld: return direction(false);
        case EmitKind::std_: return direction(true);
        case EmitKind::step: case EmitKind::clts:
        case EmitKind::port: case EmitKind::quick: return step(i);
        case EmitKind::bit_string: return plain(i) ? copy(i) : step(i);  // the limits hold wherever the bit offset leads
        case EmitKind::stop: case EmitKind::interrupt: case EmitKind::iret: case EmitKind::sysenter: case EmitKind::sysexit:
        case EmitKind::load_far_pointer: case EmitKind::jump_far: case EmitKind::call_far: case EmitKind::ret_far:
            return stop(i);
    }
    return stop(i);
}

Emitter::After Emitter::call_interpreter(const Instruction& i, const void* stub, After after) {
    ++block_->called;
    Site& s = site();
    s.instruction = std::make_unique<Instruction>(i);
    call_monitor(s, stub);
    return after;
}

void Emitter::fall_through(GuestVirt next) {
    const bool sti = current_->mnemonic == ZYDIS_MNEMONIC_STI;  // what follows it may poll: the interpreter runs that
    if (sti) a_.mov(STATE_SIZED(cpu.interrupt_shadow, 1), 1);
    if (sti || next.value == 0) {  // around 4 GiB is the one way to go back without a jump, and so without a poll
        a_.mov(STATE(segments_state.argument), next.value);
        return jump_to_stub(stubs_.look_up);
    }
    current_ = nullptr;
    eip_ = next_eip_ = next;
    go_to(next);
}

void Emitter::finish() {
    while (offset() < block_->entry_offset + kForwarderBytes) a_.nop();
    // A cold part may add others.
    for (size_t n = 0; n < cold_.size(); ++n) {
        auto emit = std::move(cold_[n]);
        emit();
    }
    block_->host_length = offset();
}

std::span<const uint8_t> Emitter::code() const {
    const auto& buffer = holder_.textSection()->buffer();
    return {buffer.data(), buffer.size()};
}

Site& Emitter::site() {
    Site& s = block_->sites.emplace_front();
    s.block = block_;
    s.guest_offset = static_cast<uint16_t>(eip_ - block_->key.eip);
    s.next_offset = static_cast<uint16_t>(next_eip_ - block_->key.eip);
    s.retry = start_;
    s.fpu = fpu_loaded_;
    return s;
}

void Emitter::undo_from_here(unsigned reg) {
    if (block_->spots.back().undo == reg) return;  // from earlier on
    block_->spots.back().undo = static_cast<uint8_t>(reg);
    block_->spots.back().undo_from = offset();
}

void Emitter::name_subject(const void* subject) {
    const auto value = reinterpret_cast<uint64_t>(subject);
    a_.mov(STATE(segments_state.subject), static_cast<uint32_t>(value));
    a_.mov(state(static_cast<uint32_t>(offsetof(VcpuContext, segments_state.subject)) + 4), static_cast<uint32_t>(value >> 32));
}

void Emitter::call_monitor(const Site& s, const void* stub) {
    name_subject(&s);
    jump_to_stub(stub);
}

void Emitter::jump_to_stub(const void* stub) {
    a_.jmp(asmjit::Imm(reinterpret_cast<uint64_t>(stub)));
}

}  // namespace ringfold::segments
