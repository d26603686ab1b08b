// Every encoding form that the decoder and instructions.def know between them, to draw from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "translator/decode/instruction.h"

namespace ringfold::test {

// An encoding but for its memory operand, immediate and registers in ModRM.
struct EncodingForm {
    std::vector<uint8_t> head;  // prefixes and opcode
    bool has_modrm = false;
    bool memory = false;  // ModRM names memory; else modrm is complete but for what `free_rm` leaves open
    uint8_t modrm = 0;
    Instruction sample;  // decoded with a memory operand of [ecx], or as it stands
};

struct PoolEntry {
    const InstructionRow* row;
    std::vector<EncodingForm> forms;
};

enum class Judge : uint8_t { Host, Interpreter };

bool excluded(std::string_view row, Judge);

// One entry for each row of the table that is not excluded and has a form.
std::vector<PoolEntry> make_instruction_pool(Judge);
// Rows that are neither excluded nor drawn: the table's coverage has a hole. Empty is good.
std::vector<std::string> rows_without_forms(const std::vector<PoolEntry>&, Judge);

}  // namespace ringfold::test
