// IDENT in 64-bit code: prefixes, REX, opcode, ModRM, SIB, displacement and immediate, one after the other.
#include "translator/emit/reencode.h"

namespace ringfold {

namespace {

constexpr unsigned kRexR = 4, kRexX = 2, kRexB = 1;

bool is_renamed(const Operand& op) {
    return op.kind == OperandKind::Gpr && op.size > 1 && op.reg == ESP;
}

bool is_high_byte(const Operand& op) {
    return op.kind == OperandKind::Gpr && op.size == 1 && op.reg >= 4;
}

unsigned rex_bits(const Instruction& i, MemoryForm form) {
    unsigned rex = 0;
    for (int n = 0; n < i.operand_count; ++n) {
        const Operand& op = i.op(n);
        if (!is_renamed(op)) continue;
        if (op.encoded == Encoded::ModrmReg) rex |= kRexR;
        if (op.encoded == Encoded::ModrmRm || op.encoded == Encoded::Opcode) rex |= kRexB;
    }
    switch (form) {
        case MemoryForm::Pointer: return rex | kRexB | kRexX;
        case MemoryForm::WindowScratch: return rex | kRexB;
        case MemoryForm::None:
        case MemoryForm::Window: return i.has_memory && i.memory.base == ESP ? rex | kRexB : rex;
    }
    return rex;
}

void add_prefixes(HostBytes& out, const Instruction& i, MemoryForm form) {
    if (form == MemoryForm::Window || form == MemoryForm::WindowScratch) {
        out.add(0x65);
        out.add(0x67);
    }
    if (i.lock) out.add(0xf0);
    // F2 and F3 without a meaning to this CPU model may have one to the host (TZCNT, XACQUIRE): drop them.
    if (i.operand_size == 2 && i.mandatory_prefix != 0x66) out.add(0x66);
    if (i.mandatory_prefix) out.add(i.mandatory_prefix);
}

void add_disp32(HostBytes& out, int32_t disp) {
    for (int shift = 0; shift < 32; shift += 8) out.add(static_cast<uint32_t>(disp) >> shift & 0xff);
}

unsigned scale_bits(unsigned scale) {
    return scale == 8 ? 3 : scale == 4 ? 2 : scale == 2 ? 1 : 0;
}

// ModRM without a register means RIP-relative in 64-bit code, so an absolute address takes a SIB byte.
void add_guest_address(HostBytes& out, unsigned reg, const MemoryOperand& m) {
    const bool base = m.base != kNoRegister, index = m.index != kNoRegister;
    const bool sib = !base || index || m.base == ESP;
    const bool disp8 = m.displacement == static_cast<int8_t>(m.displacement);
    const unsigned mod = !base ? 0 : m.displacement == 0 && m.base != EBP ? 0 : disp8 ? 1 : 2;
    out.add(mod << 6 | reg << 3 | (sib ? 4 : m.base));
    if (sib) out.add(scale_bits(m.scale) << 6 | (index ? m.index : 4u) << 3 | (base ? m.base : 5u));
    if (!base || mod == 2)
        add_disp32(out, m.displacement);
    else if (mod == 1)
        out.add(static_cast<uint8_t>(m.displacement));
}

void add_memory(HostBytes& out, const Instruction& i, unsigned reg, MemoryForm form) {
    switch (form) {
        case MemoryForm::Pointer:
            out.add(reg << 3 | 4);
            out.add(1 << 3 | 0);  // base r8, index r9
            return;
        case MemoryForm::WindowScratch: out.add(reg << 3 | 0); return;
        case MemoryForm::None:
        case MemoryForm::Window: add_guest_address(out, reg, i.memory); return;
    }
}

// Opcodes whose one-byte form means something else in 64-bit code, given their ModRM twin.
struct Opcode {
    unsigned opcode;
    int modrm_reg = -1, modrm_rm = -1;  // set when a ModRM byte is added
};

Opcode host_opcode(const Instruction& i) {
    if (i.opcode_map != 0) return {i.opcode};
    if (i.opcode >= 0x40 && i.opcode <= 0x4f) return {0xff, i.opcode >> 3 & 1, i.opcode & 7};  // INC, DEC
    switch (i.opcode) {
        case 0xa0: return {0x8a, EAX};  // MOV with an absolute address, which 64-bit code would read as 8 bytes
        case 0xa1: return {0x8b, EAX};
        case 0xa2: return {0x88, EAX};
        case 0xa3: return {0x89, EAX};
        case 0x82: return {0x80};
        default: return {i.opcode};
    }
}

void add_opcode(HostBytes& out, const Instruction& i, unsigned opcode, std::optional<uint8_t> lowered) {
    if (i.opcode_map >= 1) out.add(0x0f);
    if (i.opcode_map == 2) out.add(0x38);
    if (i.opcode_map == 3) out.add(0x3a);
    const bool names_lowered = lowered && i.opcode_map == 0 && opcode >= 0xb4 && opcode <= 0xb7;
    out.add(names_lowered ? opcode - 4 : opcode);
}

unsigned lower_field(const Instruction& i, Encoded where, unsigned field, std::optional<uint8_t> lowered) {
    for (int n = 0; lowered && n < i.operand_count; ++n)
        if (i.op(n).encoded == where && is_high_byte(i.op(n)) && i.op(n).reg == *lowered) return field & 3;
    return field;
}

}  // namespace

std::optional<uint8_t> high_byte_conflict(const Instruction& i, MemoryForm form) {
    if (rex_bits(i, form) == 0) return std::nullopt;
    for (int n = 0; n < i.operand_count; ++n)
        if (is_high_byte(i.op(n))) return i.op(n).reg;
    return std::nullopt;
}

HostBytes reencode(const Instruction& i, MemoryForm form, std::optional<uint8_t> lowered) {
    HostBytes out;
    add_prefixes(out, i, form);
    const Opcode opcode = host_opcode(i);
    if (const unsigned rex = rex_bits(i, form)) out.add(0x40 | rex);
    add_opcode(out, i, opcode.opcode, lowered);
    if (opcode.modrm_rm >= 0) {
        out.add(0xc0 | static_cast<unsigned>(opcode.modrm_reg) << 3 | static_cast<unsigned>(opcode.modrm_rm));
    } else if (i.has_memory) {
        const unsigned reg = opcode.modrm_reg >= 0 ? static_cast<unsigned>(opcode.modrm_reg) : i.modrm >> 3 & 7u;
        add_memory(out, i, lower_field(i, Encoded::ModrmReg, reg, lowered), form);
    } else if (i.has_modrm) {
        const unsigned reg = lower_field(i, Encoded::ModrmReg, i.modrm >> 3 & 7u, lowered);
        out.add(0xc0 | reg << 3 | lower_field(i, Encoded::ModrmRm, i.modrm & 7u, lowered));
    }
    for (unsigned n = 0; n < i.immediate_length; ++n) out.add(i.bytes[i.immediate_offset + n]);
    return out;
}

}  // namespace ringfold
