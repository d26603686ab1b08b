// What the translator does with each instruction, and why: the one table, instructions.def, by mnemonic.
#pragma once

#include <span>
#include <string_view>

#include "translator/decode/instruction.h"

namespace ringfold {

enum class Verdict : uint8_t { Ident, Simulate };

// The emitters of translator/emit, by the name used in instructions.def's third column.
enum class EmitKind : uint8_t {
#define EMITTER(name) name,
#include "translator/classify/emitters.def"
#undef EMITTER
};

// The name that emitters.def gives each, in its order.
std::span<const std::string_view> emit_kind_names();

// One row of instructions.def.
struct InstructionRow {
    uint16_t mnemonic;
    std::string_view name;
    Verdict verdict;
    EmitKind emit;
    Interpret interpret;
    std::string_view why;
};

// The row of a ZYDIS_MNEMONIC_*; a mnemonic without a row answers the INVALID row, whose meaning is #UD.
const InstructionRow& row_of(uint16_t mnemonic);
// All rows, for tests that draw from the real table.
std::span<const InstructionRow> all_rows();

}  // namespace ringfold
