// IDENT in 64-bit code: the guest instruction's own opcode, immediate and register numbers, with guest ESP
// renamed to r12 by a REX bit and the memory operand in the form asked for.
#pragma once

#include <array>
#include <initializer_list>
#include <cstdint>
#include <optional>
#include <span>

#include "translator/decode/instruction.h"

namespace ringfold {

enum class MemoryForm : uint8_t {
    None,           // no memory operand, or LEA's: no segment override
    Window,         // %gs:[the guest's own 32-bit address expression]
    WindowScratch,  // %gs:[r8d]
    Pointer,        // [r8 + r9]
};

struct HostBytes {
    std::array<uint8_t, 24> data{};
    uint8_t length = 0;
    void add(unsigned byte) { data[length++] = static_cast<uint8_t>(byte); }
    void add_all(std::initializer_list<unsigned> bytes) {
        for (const unsigned byte : bytes) add(byte);
    }
    void add_number(uint64_t n, unsigned bytes) {
        for (; bytes; --bytes, n >>= 8) add(n & 0xff);
    }
    // JMP rel32, where the first of these bytes will lie at `at`.
    void add_jump(const uint8_t* at, const void* to) {
        add(0xe9);
        add_number(reinterpret_cast<uint64_t>(to) - (reinterpret_cast<uint64_t>(at) + length + 4), 4);
    }
    std::span<const uint8_t> span() const { return {data.data(), length}; }
};

// The high byte register (4 to 7) that the instruction names beside something that needs a REX prefix in this
// form; such a register cannot be encoded. nullopt if there is no conflict.
std::optional<uint8_t> high_byte_conflict(const Instruction&, MemoryForm);

// Host code for `form`. `lowered`: this high byte register has been swapped with its low one: name that.
HostBytes reencode(const Instruction&, MemoryForm form, std::optional<uint8_t> lowered = std::nullopt);

}  // namespace ringfold
