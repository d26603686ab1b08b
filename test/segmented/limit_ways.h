// The ways in which an instruction reaches memory through a segment, and the ways in which a selector is loaded.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vmm/base/cpu_state.h"

namespace ringfold::test {

enum class Place : uint8_t {
    Operand,  // ModRM; the segment is DS, SS behind EBP, or an override's
    Esi,      // a string instruction's source, or XLAT's EBX, with DS or an override
    Edi,      // ... its destination, always ES
    Push,     // below ESP
    Pop,      // at ESP
    Frame,    // at EBP, in SS (LEAVE)
};

enum class OnFault : uint8_t {
    Exact,
    HalfDone,  // the manual leaves open what is committed
    InPieces,  // AMD's CPUs store it in two pieces, so that the first may find its page missing before the second its limit
};

struct Way {
    const char* name;
    Place place;
    std::vector<uint8_t> opcode;  // with mandatory prefixes; ModRM follows for Place::Operand
    uint8_t reg = 0;              // ModRM's
    uint8_t size = 4;             // bytes accessed
    std::vector<uint8_t> after = {};
    OnFault on_fault = OnFault::Exact;
};

std::span<const Way> ways();

// How a selector in EAX, on the stack or in memory becomes a segment register's; `bytes` with 32-bit operands.
struct SelectorWay {
    const char* name;
    std::vector<uint8_t> bytes;
    bool frame = false;  // a far return's or an interrupt return's: EIP, CS and EFLAGS are on the stack
    OnFault on_fault = OnFault::Exact;
};
// `pointer`: where a far pointer to the selector lies.
std::vector<SelectorWay> selector_ways(uint32_t pointer);

}  // namespace ringfold::test
