// One decoded guest instruction, in the compact form that the interpreter, the classifier and the emitters
// share. Made by decode() in decoder.h; nothing outside decode/ sees Zydis except its mnemonic numbers.
#pragma once

#include <Zydis/Mnemonic.h>

#include <array>
#include <cstdint>

#include "vmm/base/cpu_state.h"

namespace ringfold {

class Interpreter;
struct InstructionRow;
struct Instruction;
using Interpret = void (*)(Interpreter&, const Instruction&);

enum class OperandKind : uint8_t {
    None, Gpr, Segment, Control, Debug, X87, Mmx, Xmm, Memory, Immediate, Relative, FarPointer,
};

// Forms that the manual lists under a mnemonic of quite another meaning. They are instructions of their own here,
// with numbers behind Zydis's.
enum : uint16_t {
    ZYDIS_MNEMONIC_MOV_SEGMENT = ZYDIS_MNEMONIC_MAX_VALUE + 1,  // MOV to or from a segment register
    ZYDIS_MNEMONIC_MOV_CONTROL,
    ZYDIS_MNEMONIC_MOV_DEBUG,
    ZYDIS_MNEMONIC_PUSH_SEGMENT,
    ZYDIS_MNEMONIC_POP_SEGMENT,
    ZYDIS_MNEMONIC_JMP_FAR,
    ZYDIS_MNEMONIC_CALL_FAR,
    ZYDIS_MNEMONIC_RET_FAR,
    ZYDIS_MNEMONIC_MOVSD_SCALAR,  // the SSE2 ones; MOVSD and CMPSD are the string instructions
    ZYDIS_MNEMONIC_CMPSD_SCALAR,
    ZYDIS_MNEMONIC_BT_STRING,  // bit offset in a register, and so anywhere in memory
    ZYDIS_MNEMONIC_BTS_STRING,
    ZYDIS_MNEMONIC_BTR_STRING,
    ZYDIS_MNEMONIC_BTC_STRING,
};
inline constexpr uint16_t kMnemonicMax = ZYDIS_MNEMONIC_BTC_STRING;

// Where the encoding names an operand, for emitters that re-encode.
enum class Encoded : uint8_t { Elsewhere, ModrmReg, ModrmRm, Opcode };

// An explicit operand, in the manual's order. `size` is in bytes. A byte register is in encoding order:
// 0-3 al cl dl bl, 4-7 ah ch dh bh.
struct Operand {
    OperandKind kind = OperandKind::None;
    uint8_t reg = 0;
    uint16_t size = 0;
    bool read = false, written = false;
    Encoded encoded = Encoded::Elsewhere;
};

inline constexpr uint8_t kNoRegister = 0xff;

// The instruction's memory operand. Effective address = base + index * scale + displacement, truncated to
// `address_size` bytes. LEA has one too, though it does not access it. String instructions, XLAT and MASKMOV have
// none (has_memory is false), but their `segment` is valid here: DS or its override.
struct MemoryOperand {
    uint8_t base = kNoRegister, index = kNoRegister, scale = 1;
    uint8_t segment = DS;      // override applied
    uint8_t address_size = 4;  // bytes: 2 or 4
    uint16_t size = 0;         // bytes accessed; 0 where there is no access (LEA, INVLPG, hint NOPs)
    int32_t displacement = 0;
};

inline constexpr int kMaxOperands = 4;
inline constexpr int kMaxInstructionLength = 15;

struct Instruction {
    uint16_t mnemonic = ZYDIS_MNEMONIC_INVALID;  // ZYDIS_MNEMONIC_*, those above included; INVALID raises #UD
    uint8_t length = 0;
    uint8_t operand_size = 4;  // bytes: 2 or 4 (the attribute; a byte instruction has size 1 operands)
    uint8_t address_size = 4;  // bytes: 2 or 4
    uint8_t stack_size = 4;    // unused by decoding of flat code; SS.B decides at run time
    bool lock = false;
    bool rep = false, repne = false;  // on string instructions only; never both
    bool has_memory = false;
    uint8_t operand_count = 0;
    std::array<Operand, kMaxOperands> operand{};
    MemoryOperand memory{};
    uint32_t immediate = 0;   // sign-extended to 32 bits where the manual does; branch displacement if Relative
    uint32_t immediate2 = 0;  // ENTER's level; a far pointer's selector (its offset is `immediate`)

    // Where the parts lie in `bytes`, for emitters that re-encode. Offsets are 0 when the part is absent.
    uint8_t prefix_length = 0;   // legacy prefixes before the opcode
    uint8_t opcode_map = 0;      // 0: one byte, 1: 0F, 2: 0F 38, 3: 0F 3A
    uint8_t opcode = 0;
    uint8_t opcode_offset = 0;   // of the last opcode byte
    uint8_t modrm_offset = 0, modrm = 0;
    bool has_modrm = false;
    uint8_t immediate_offset = 0, immediate_length = 0;
    uint8_t mandatory_prefix = 0;  // 0x66, 0xf2, 0xf3 when it is part of the opcode

    const InstructionRow* row = nullptr;  // never null after decode(); see classify/classifier.h
    Interpret interpret = nullptr;        // never null after decode(): what it means
    std::array<uint8_t, kMaxInstructionLength> bytes{};

    const Operand& op(int i) const { return operand[static_cast<size_t>(i)]; }
    bool writes_memory() const {
        for (int i = 0; i < operand_count; ++i)
            if (op(i).kind == OperandKind::Memory && op(i).written) return true;
        return false;
    }
};

}  // namespace ringfold
