// Bytes to Instruction: the sole user of Zydis.
#pragma once

#include <span>

#include "translator/decode/instruction.h"

namespace ringfold {

enum class CodeSize : uint8_t { Bits16, Bits32 };

enum class DecodeStatus : uint8_t {
    Ok,         // also for an undefined opcode: its mnemonic is INVALID, its meaning is #UD
    Truncated,  // the instruction goes on behind the bytes given (and is shorter than 15 bytes so far)
    TooLong,    // more than 15 bytes: #GP
};

// Decodes the instruction at the start of `bytes`. Undefined encodings, LOCK where it is not allowed and
// instructions that the CPU model does not have come back Ok with mnemonic INVALID and length 1 or more.
DecodeStatus decode(std::span<const uint8_t> bytes, CodeSize size, Instruction& out);

}  // namespace ringfold
