// IDENT: the guest's bytes as they are. Left out are only prefixes that mean nothing to the guest's CPU but might to the
// host's, and CS overrides: the segment that translations run in reaches the hole. In code that is not flat the prefixes for
// the sizes are those that mean the same in 32-bit code, which all translations are.
#include <algorithm>
#include <array>

#include "translator/engine/segments/emitter.h"

namespace ringfold::segments {

namespace {

bool is_segment_prefix(uint8_t b) {
    return b == 0x26 || b == 0x2e || b == 0x36 || b == 0x3e || b == 0x64 || b == 0x65;
}

// REP before what is no string instruction may turn it into another one (TZCNT, XACQUIRE).
bool keeps(const Instruction& i, uint8_t prefix, bool segments) {
    if (prefix == 0xf2 || prefix == 0xf3) return i.rep || i.repne || i.mandatory_prefix == prefix;
    if (is_segment_prefix(prefix)) return segments;
    return true;
}

bool is_size_prefix(uint8_t b) {
    return b == 0x66 || b == 0x67;
}

constexpr unsigned kNoIndex = 4;

struct Bytes {
    std::array<uint8_t, 24> data{};
    size_t size = 0;
    void add(unsigned b) { data[size++] = static_cast<uint8_t>(b); }
    void add(const uint8_t* from, size_t n) {
        for (size_t k = 0; k < n; ++k) add(from[k]);
    }
    std::span<const uint8_t> span() const { return {data.data(), size}; }
};

void add_prefixes(Bytes& out, const Instruction& i, bool segments) {
    for (unsigned n = 0; n < i.prefix_length; ++n)
        if (keeps(i, i.bytes[n], segments)) out.add(i.bytes[n]);
}

// Of 16-bit code, for 32-bit code. A 66 that is part of the opcode is one of its size too.
void add_prefixes_for_32_bits(Bytes& out, const Instruction& i, bool segments) {
    for (unsigned n = 0; n < i.prefix_length; ++n)
        if (!is_size_prefix(i.bytes[n]) && keeps(i, i.bytes[n], segments)) out.add(i.bytes[n]);
    if (i.mandatory_prefix == 0x66 || i.operand_size == 2) out.add(0x66);
    if (i.address_size == 2) out.add(0x67);
}

bool names(const Instruction& i, unsigned reg) {
    if (i.memory.base == reg || i.memory.index == reg) return true;
    for (int n = 0; n < i.operand_count; ++n) {
        const Operand& op = i.op(n);
        if (op.kind == OperandKind::Gpr && (op.size == 1 ? op.reg & 3u : op.reg) == reg) return true;
    }
    return false;
}

unsigned scale_bits(unsigned scale) {
    return scale == 8 ? 3 : scale == 4 ? 2 : scale == 2 ? 1 : 0;
}

}  // namespace

Emitter::After Emitter::copy(const Instruction& i) {
    ++block_->ident;
    const bool overridden = i.has_memory && (i.memory.segment == CS || i.memory.segment == FS || i.memory.segment == GS);
    Bytes out;
    flat() ? add_prefixes(out, i, !overridden) : add_prefixes_for_32_bits(out, i, !overridden);
    out.add(i.bytes.data() + i.prefix_length, i.length - size_t{i.prefix_length});
    raw(out.span());
    return After::GoesOn;
}

// The memory operand of an instruction without an immediate, as that of another opcode and register.
void Emitter::copy_memory_operand(const Instruction& i, std::initializer_list<unsigned> opcode, unsigned reg) {
    Bytes out;
    flat() ? add_prefixes(out, i, true) : add_prefixes_for_32_bits(out, i, true);
    for (const unsigned b : opcode) out.add(b);
    out.add((i.modrm & 0xc7) | reg << 3);
    out.add(i.bytes.data() + i.modrm_offset + 1, i.length - size_t{i.modrm_offset} - 1);
    raw(out.span());
}

// MOV ecx (or cx).
void Emitter::copy_as_load_of_ecx(const Instruction& i) {
    copy_memory_operand(i, {0x8b}, ECX);
}

// MOVZX eax, word.
void Emitter::copy_as_load_of_eax(const Instruction& i) {
    copy_memory_operand(i, {0x0f, 0xb7}, EAX);
}

Emitter::After Emitter::ident(const Instruction& i) {
    if (!i.has_memory || i.memory.size == 0) return copy(i);
    if (!direct_) return top_operand(i);
    if (!flat()) return plain(i) ? copy(i) : step(i);
    if (i.memory.segment == FS || i.memory.segment == GS) return through_segment(i);
    // Translations rely on a CS that is flat and readable, but code segments cannot be written.
    if (i.memory.segment == CS && i.writes_memory()) return step(i);
    return copy(i);
}

// An operand behind FS or GS: its base in a register that the instruction does not name, and the same instruction with that
// register in its address, by the flat DS.
Emitter::After Emitter::through_segment(const Instruction& i) {
    const MemoryOperand& m = i.memory;
    const bool moffs = i.opcode_map == 0 && (i.opcode & 0xfc) == 0xa0;  // MOV between EAX and a bare address: as glibc reads its TLS
    if (m.address_size != 4 || (!i.has_modrm && !moffs)) return step(i);
    // An operand names two registers at most beside the instruction's own, so that CMPXCHG8B keeps its EBX.
    constexpr unsigned kBorrowed[] = {EDI, ESI, EBP, EBX};
    const auto* reg = std::find_if(std::begin(kBorrowed), std::end(kBorrowed), [&](unsigned r) { return !names(i, r); });
    if (reg == std::end(kBorrowed)) return step(i);
    const bool fs = m.segment == FS;
    require_zero(fs ? STATE_SIZED(odd_fs, 1) : STATE_SIZED(odd_gs, 1), stubs_.step);
    ++block_->simulated;
    const x86::Gp borrowed = x86::gpd(*reg);
    set_aside(*reg);
    undo_from_here(*reg);
    a_.mov(borrowed, segment_base(m.segment));
    unsigned base = *reg, index = kNoIndex, scale = 1;
    int32_t displacement = m.displacement;
    if (m.base != kNoRegister && m.index != kNoRegister) {
        a_.lea(borrowed, x86::ptr(borrowed, x86::gpd(m.index), scale_bits(m.scale), displacement));
        displacement = 0;
    }
    if (m.base != kNoRegister) {  // ESP cannot be an index
        base = m.base;
        index = *reg;
    } else if (m.index != kNoRegister) {
        index = m.index;
        scale = m.scale;
    }
    Bytes out;
    add_prefixes(out, i, false);
    if (moffs)
        out.add(0x8a ^ (i.opcode & 1) ^ (i.opcode & 2));  // A0 to A3 are 8A, 8B, 88 and 89 without ModRM
    else
        out.add(i.bytes.data() + i.prefix_length, i.modrm_offset - size_t{i.prefix_length});
    out.add(0x84 | (moffs ? 0 : i.modrm & 0x38));
    out.add(scale_bits(scale) << 6 | index << 3 | base);
    for (int shift = 0; shift < 32; shift += 8) out.add(static_cast<uint32_t>(displacement) >> shift & 0xff);
    if (i.immediate_length) out.add(i.bytes.data() + i.immediate_offset, i.length - size_t{i.immediate_offset});
    raw(out.span());
    take_back(*reg);
    return After::GoesOn;
}

// Goes on with what follows if the byte is zero, else in the monitor with the registers as they were.
Site& Emitter::require_zero(const x86::Mem& byte, const void* otherwise) {
    return require_zero_ecx([&] { a_.movzx(x86::ecx, byte); }, otherwise);
}

// The same for what `load` makes of ecx.
Site& Emitter::require_zero_ecx(const std::function<void()>& load, const void* otherwise) {
    const asmjit::Label zero = a_.newLabel(), other = a_.newLabel();
    set_aside(ECX);
    load();
    a_.jecxz(x86::ecx, zero);
    a_.jmp(other);
    a_.bind(zero);
    take_back(ECX);
    Site& s = site();
    cold([this, other, otherwise, &s] {
        a_.bind(other);
        take_back(ECX);
        call_monitor(s, otherwise);
    });
    return s;
}

// The monitor's own code uses the same registers, so the guest's FPU state is loaded when a block first needs it.
Emitter::After Emitter::fpu(const Instruction& i) {
    if (!fpu_loaded_) require_zero(STATE_SIZED(fpu_saved, 1), stubs_.fpu);
    const After after = ident(i);
    // FWAIT passes with CR0.EM set, or TS without MP; what follows would be #NM.
    if (i.mnemonic != ZYDIS_MNEMONIC_FWAIT) fpu_loaded_ = true;
    return after;
}

// The host's DF is the guest's, and the host's own instruction stops where it faults.
Emitter::After Emitter::string(const Instruction& i) {
    return plain(i) ? copy(i) : step(i);
}

}  // namespace ringfold::segments
