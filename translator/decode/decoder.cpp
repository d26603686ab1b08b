// Turns Zydis's answer into an Instruction, for a CPU model that ends at SSE4.2.
#include "translator/decode/decoder.h"

#include <Zydis/Zydis.h>

#include <algorithm>
#include <cstring>

#include "translator/classify/classifier.h"

namespace ringfold {

namespace {

ZydisDecoder make_decoder(ZydisMachineMode mode, ZydisStackWidth width) {
    ZydisDecoder decoder;
    ZydisDecoderInit(&decoder, mode, width);
    // Encodings that later CPUs took from ones that already meant something: to this model F3 BSF is BSF, and the
    // CET, MPX and CLDEMOTE ones are hint NOPs.
    for (auto later : {ZYDIS_DECODER_MODE_MPX, ZYDIS_DECODER_MODE_CET, ZYDIS_DECODER_MODE_LZCNT, ZYDIS_DECODER_MODE_TZCNT,
                       ZYDIS_DECODER_MODE_WBNOINVD, ZYDIS_DECODER_MODE_CLDEMOTE})
        ZydisDecoderEnableMode(&decoder, later, ZYAN_FALSE);
    return decoder;
}

const ZydisDecoder kDecoder16 = make_decoder(ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);
const ZydisDecoder kDecoder32 = make_decoder(ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);

bool is_legacy_prefix(uint8_t b) {
    switch (b) {
        case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65: case 0x66: case 0x67:
        case 0xf0: case 0xf2: case 0xf3:
            return true;
        default:
            return false;
    }
}

void set_meaning(Instruction& out, uint16_t mnemonic) {
    out.row = &row_of(mnemonic);
    out.mnemonic = out.row->mnemonic;  // INVALID when the model does not have it
    out.interpret = out.row->interpret;
}

// Zydis gives no length for an undefined encoding. The bytes that can have made it undefined are counted, so that a
// translation of it dies when one of them changes: prefixes and then EVEX's six bytes at most.
void set_undefined(Instruction& out, std::span<const uint8_t> bytes) {
    size_t prefixes = 0;
    while (prefixes < bytes.size() && is_legacy_prefix(bytes[prefixes])) ++prefixes;
    out.length = static_cast<uint8_t>(std::min({prefixes + 6, bytes.size(), size_t{kMaxInstructionLength}}));
    out.prefix_length = static_cast<uint8_t>(prefixes);
    memcpy(out.bytes.data(), bytes.data(), out.length);
    set_meaning(out, ZYDIS_MNEMONIC_INVALID);
}

bool is_string(ZydisMnemonic m, const ZydisDecodedInstruction& z) {
    if (z.opcode_map != ZYDIS_OPCODE_MAP_DEFAULT) return false;  // SSE2's MOVSD and CMPSD
    switch (m) {
        case ZYDIS_MNEMONIC_MOVSB: case ZYDIS_MNEMONIC_MOVSW: case ZYDIS_MNEMONIC_MOVSD:
        case ZYDIS_MNEMONIC_CMPSB: case ZYDIS_MNEMONIC_CMPSW: case ZYDIS_MNEMONIC_CMPSD:
        case ZYDIS_MNEMONIC_STOSB: case ZYDIS_MNEMONIC_STOSW: case ZYDIS_MNEMONIC_STOSD:
        case ZYDIS_MNEMONIC_LODSB: case ZYDIS_MNEMONIC_LODSW: case ZYDIS_MNEMONIC_LODSD:
        case ZYDIS_MNEMONIC_SCASB: case ZYDIS_MNEMONIC_SCASW: case ZYDIS_MNEMONIC_SCASD:
        case ZYDIS_MNEMONIC_INSB: case ZYDIS_MNEMONIC_INSW: case ZYDIS_MNEMONIC_INSD:
        case ZYDIS_MNEMONIC_OUTSB: case ZYDIS_MNEMONIC_OUTSW: case ZYDIS_MNEMONIC_OUTSD:
            return true;
        default:
            return false;
    }
}

void read_prefixes(const ZydisDecodedInstruction& z, CodeSize size, Instruction& out) {
    bool operand_override = false;
    uint8_t repeat = 0;  // the last one counts
    for (int i = 0; i < z.raw.prefix_count; ++i) {
        const auto& prefix = z.raw.prefixes[i];
        if (prefix.type == ZYDIS_PREFIX_TYPE_MANDATORY)
            out.mandatory_prefix = prefix.value;
        else if (prefix.value == 0x66)
            operand_override = true;
        if (prefix.value == 0xf2 || prefix.value == 0xf3) repeat = prefix.value;
    }
    out.prefix_length = z.raw.prefix_count;
    out.operand_size = (size == CodeSize::Bits32) != operand_override ? 4 : 2;
    out.address_size = z.address_width / 8;
    out.lock = (z.attributes & ZYDIS_ATTRIB_HAS_LOCK) != 0;
    if (is_string(z.mnemonic, z)) {
        out.rep = repeat == 0xf3;
        out.repne = repeat == 0xf2;
    }
}

uint8_t segment_number(ZydisRegister r) {
    return static_cast<uint8_t>(r - ZYDIS_REGISTER_ES);
}

uint8_t overriding_segment(ZydisInstructionAttributes a) {
    if (a & ZYDIS_ATTRIB_HAS_SEGMENT_CS) return CS;
    if (a & ZYDIS_ATTRIB_HAS_SEGMENT_SS) return SS;
    if (a & ZYDIS_ATTRIB_HAS_SEGMENT_ES) return ES;
    if (a & ZYDIS_ATTRIB_HAS_SEGMENT_FS) return FS;
    if (a & ZYDIS_ATTRIB_HAS_SEGMENT_GS) return GS;
    return DS;
}

void read_parts(const ZydisDecodedInstruction& z, Instruction& out) {
    out.opcode = z.opcode;
    switch (z.opcode_map) {
        case ZYDIS_OPCODE_MAP_0F: out.opcode_map = 1; break;
        case ZYDIS_OPCODE_MAP_0F38: out.opcode_map = 2; break;
        case ZYDIS_OPCODE_MAP_0F3A: out.opcode_map = 3; break;
        default: out.opcode_map = 0; break;
    }
    out.opcode_offset = static_cast<uint8_t>(out.prefix_length + std::min<uint8_t>(out.opcode_map, 2));
    out.has_modrm = (z.attributes & ZYDIS_ATTRIB_HAS_MODRM) != 0;
    if (out.has_modrm) {
        out.modrm_offset = z.raw.modrm.offset;
        out.modrm = out.bytes[out.modrm_offset];
    }
    if (z.raw.imm[0].size) {
        out.immediate_offset = z.raw.imm[0].offset;
        out.immediate_length = static_cast<uint8_t>((z.raw.imm[0].size + z.raw.imm[1].size) / 8);
    }
}

void read_register(ZydisRegister r, Operand& op) {
    auto set = [&](OperandKind kind, ZydisRegister first) {
        op.kind = kind;
        op.reg = static_cast<uint8_t>(r - first);
    };
    switch (ZydisRegisterGetClass(r)) {
        case ZYDIS_REGCLASS_GPR8: return set(OperandKind::Gpr, ZYDIS_REGISTER_AL);
        case ZYDIS_REGCLASS_GPR16: return set(OperandKind::Gpr, ZYDIS_REGISTER_AX);
        case ZYDIS_REGCLASS_GPR32: return set(OperandKind::Gpr, ZYDIS_REGISTER_EAX);
        case ZYDIS_REGCLASS_SEGMENT: return set(OperandKind::Segment, ZYDIS_REGISTER_ES);
        case ZYDIS_REGCLASS_CONTROL: return set(OperandKind::Control, ZYDIS_REGISTER_CR0);
        case ZYDIS_REGCLASS_DEBUG: return set(OperandKind::Debug, ZYDIS_REGISTER_DR0);
        case ZYDIS_REGCLASS_X87: return set(OperandKind::X87, ZYDIS_REGISTER_ST0);
        case ZYDIS_REGCLASS_MMX: return set(OperandKind::Mmx, ZYDIS_REGISTER_MM0);
        case ZYDIS_REGCLASS_XMM: return set(OperandKind::Xmm, ZYDIS_REGISTER_XMM0);
        default: return;  // registers of instructions that the model does not have
    }
}

uint8_t gpr_number(ZydisRegister r) {
    if (r >= ZYDIS_REGISTER_AX && r <= ZYDIS_REGISTER_DI) return static_cast<uint8_t>(r - ZYDIS_REGISTER_AX);
    if (r >= ZYDIS_REGISTER_EAX && r <= ZYDIS_REGISTER_EDI) return static_cast<uint8_t>(r - ZYDIS_REGISTER_EAX);
    return kNoRegister;
}

// Zydis gives these a memory operand with a size, though they access nothing, or not as data.
bool accesses_nothing(ZydisMnemonic m) {
    switch (m) {
        case ZYDIS_MNEMONIC_NOP: case ZYDIS_MNEMONIC_INVLPG: case ZYDIS_MNEMONIC_CLFLUSH:
        case ZYDIS_MNEMONIC_PREFETCH: case ZYDIS_MNEMONIC_PREFETCHW: case ZYDIS_MNEMONIC_PREFETCHNTA:
        case ZYDIS_MNEMONIC_PREFETCHT0: case ZYDIS_MNEMONIC_PREFETCHT1: case ZYDIS_MNEMONIC_PREFETCHT2:
            return true;
        default:
            return false;
    }
}

void read_memory(const ZydisDecodedInstruction& z, const ZydisDecodedOperand& from, Operand& op, Instruction& out) {
    const bool accessed = from.mem.type == ZYDIS_MEMOP_TYPE_MEM && !accesses_nothing(z.mnemonic);
    if (!accessed) op.size = 0;
    op.kind = OperandKind::Memory;
    out.has_memory = true;
    MemoryOperand& m = out.memory;
    m.base = gpr_number(from.mem.base);
    m.index = gpr_number(from.mem.index);
    m.scale = std::max<uint8_t>(from.mem.scale, 1);
    m.segment = segment_number(from.mem.segment);
    m.size = op.size;
    m.displacement = static_cast<int32_t>(from.mem.disp.value);
}

void read_immediate(const ZydisDecodedOperand& from, bool first, Operand& op, Instruction& out) {
    op.kind = from.imm.is_relative ? OperandKind::Relative : OperandKind::Immediate;
    (first ? out.immediate : out.immediate2) = static_cast<uint32_t>(from.imm.value.u);
}

Encoded encoded_where(ZydisOperandEncoding e) {
    switch (e) {
        case ZYDIS_OPERAND_ENCODING_MODRM_REG: return Encoded::ModrmReg;
        case ZYDIS_OPERAND_ENCODING_MODRM_RM: return Encoded::ModrmRm;
        case ZYDIS_OPERAND_ENCODING_OPCODE: return Encoded::Opcode;
        default: return Encoded::Elsewhere;
    }
}

void read_operands(const ZydisDecodedInstruction& z, const ZydisDecodedOperand* operands, Instruction& out) {
    out.memory.address_size = out.address_size;
    out.memory.segment = overriding_segment(z.attributes);
    bool first_immediate = true;
    for (int i = 0; i < std::min<int>(z.operand_count_visible, kMaxOperands); ++i) {
        const ZydisDecodedOperand& from = operands[i];
        Operand& op = out.operand[out.operand_count++];
        op.size = static_cast<uint16_t>(from.size / 8);
        op.read = (from.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
        op.encoded = encoded_where(from.encoding);
        op.written = (from.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
        switch (from.type) {
            case ZYDIS_OPERAND_TYPE_REGISTER: read_register(from.reg.value, op); break;
            case ZYDIS_OPERAND_TYPE_MEMORY: read_memory(z, from, op, out); break;
            case ZYDIS_OPERAND_TYPE_IMMEDIATE:
                read_immediate(from, first_immediate, op, out);
                first_immediate = false;
                break;
            case ZYDIS_OPERAND_TYPE_POINTER:
                op.kind = OperandKind::FarPointer;
                out.immediate = from.ptr.offset;
                out.immediate2 = from.ptr.segment;
                break;
            default: break;
        }
    }
}

bool has_operand(const Instruction& i, OperandKind kind) {
    return i.op(0).kind == kind || i.op(1).kind == kind;
}

// MMX and SSE: there 66 is part of the opcode, and who re-encodes 16-bit code must not add one.
bool has_no_operand_size(const ZydisDecodedInstruction& z, const Instruction& i) {
    return has_operand(i, OperandKind::Mmx) || has_operand(i, OperandKind::Xmm) || z.mnemonic == ZYDIS_MNEMONIC_MOVNTI;
}

// The mnemonic, or the number that instruction.h gives to this form of it.
uint16_t mnemonic_of(const ZydisDecodedInstruction& z, const Instruction& i) {
    if (z.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY) return ZYDIS_MNEMONIC_INVALID;
    const bool far = z.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR;
    const bool segment = has_operand(i, OperandKind::Segment);
    const bool bit_string = i.has_memory && i.op(1).kind == OperandKind::Gpr;
    switch (z.mnemonic) {
        case ZYDIS_MNEMONIC_MOV:
            if (segment) return ZYDIS_MNEMONIC_MOV_SEGMENT;
            if (has_operand(i, OperandKind::Control)) return ZYDIS_MNEMONIC_MOV_CONTROL;
            if (has_operand(i, OperandKind::Debug)) return ZYDIS_MNEMONIC_MOV_DEBUG;
            break;
        case ZYDIS_MNEMONIC_PUSH: if (segment) return ZYDIS_MNEMONIC_PUSH_SEGMENT; break;
        case ZYDIS_MNEMONIC_POP: if (segment) return ZYDIS_MNEMONIC_POP_SEGMENT; break;
        case ZYDIS_MNEMONIC_JMP: if (far) return ZYDIS_MNEMONIC_JMP_FAR; break;
        case ZYDIS_MNEMONIC_CALL: if (far) return ZYDIS_MNEMONIC_CALL_FAR; break;
        case ZYDIS_MNEMONIC_RET: if (far) return ZYDIS_MNEMONIC_RET_FAR; break;
        case ZYDIS_MNEMONIC_NOP:  // the register form of PREFETCHW is none to an AMD host
            if (i.opcode_map && i.opcode == 0x0d) return ZYDIS_MNEMONIC_INVALID;
            break;
        case ZYDIS_MNEMONIC_MOVSD: if (i.opcode_map) return ZYDIS_MNEMONIC_MOVSD_SCALAR; break;
        case ZYDIS_MNEMONIC_CMPSD: if (i.opcode_map) return ZYDIS_MNEMONIC_CMPSD_SCALAR; break;
        case ZYDIS_MNEMONIC_BT: if (bit_string) return ZYDIS_MNEMONIC_BT_STRING; break;
        case ZYDIS_MNEMONIC_BTS: if (bit_string) return ZYDIS_MNEMONIC_BTS_STRING; break;
        case ZYDIS_MNEMONIC_BTR: if (bit_string) return ZYDIS_MNEMONIC_BTR_STRING; break;
        case ZYDIS_MNEMONIC_BTC: if (bit_string) return ZYDIS_MNEMONIC_BTC_STRING; break;
        default: break;
    }
    return static_cast<uint16_t>(z.mnemonic);
}

}  // namespace

DecodeStatus decode(std::span<const uint8_t> bytes, CodeSize size, Instruction& out) {
    out = Instruction{};
    bytes = bytes.first(std::min<size_t>(bytes.size(), kMaxInstructionLength));
    const ZydisDecoder& decoder = size == CodeSize::Bits32 ? kDecoder32 : kDecoder16;
    ZydisDecodedInstruction z;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    const ZyanStatus status = ZydisDecoderDecodeFull(&decoder, bytes.data(), bytes.size(), &z, operands);
    if (status == ZYDIS_STATUS_NO_MORE_DATA || status == ZYDIS_STATUS_INSTRUCTION_TOO_LONG) {
        set_undefined(out, bytes);
        return bytes.size() < kMaxInstructionLength ? DecodeStatus::Truncated : DecodeStatus::TooLong;
    }
    if (!ZYAN_SUCCESS(status)) {
        set_undefined(out, bytes);
        return DecodeStatus::Ok;
    }
    out.length = z.length;
    memcpy(out.bytes.data(), bytes.data(), z.length);
    read_prefixes(z, size, out);
    read_parts(z, out);
    read_operands(z, operands, out);
    if (has_no_operand_size(z, out)) out.operand_size = 4;
    set_meaning(out, mnemonic_of(z, out));
    return DecodeStatus::Ok;
}

}  // namespace ringfold
