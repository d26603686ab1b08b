// Repeated MOVS, STOS, CMPS and SCAS: host code that all blocks share. It runs the host's own instruction on host
// addresses, for as many elements at a time as lie within a page on both sides.
#pragma once

#include <asmjit/x86.h>

#include <array>
#include <functional>

namespace ringfold::windows {

// By log2 of the element's size. Called with r9: Site*. The guest's registers advance with each run, so a way out
// between two of them finds a state from which the instruction goes on.
struct StringStubs {
    using Sizes = std::array<const void*, 3>;
    Sizes movs, stos;
    std::array<Sizes, 2> cmps, scas;  // [REPNE]
};

// Where string stubs go when they cannot. r9: Site*; read and write also r8d: the element's linear address.
struct StringExits {
    asmjit::Label step;           // the interpreter runs the rest
    asmjit::Label element;        // ... or one element
    asmjit::Label read, write;    // a soft miss
};

// `here` aligns and gives the address of what is emitted by its argument.
using Place = std::function<const void*(const std::function<void()>&)>;
StringStubs emit_string_stubs(asmjit::x86::Assembler&, const StringExits&, const Place& here);

struct Repeated {
    uint8_t opcode;  // of the byte form
    unsigned shift;  // log2 of the element's size
    bool source;     // reads DS:ESI
    bool repne;
};
// The host's own instruction, on host addresses: RSI (if it reads DS:ESI) plus `source` and RDI plus `destination`, which
// may be one register, become the guest's again behind it. Leaves the flags to the instruction; clobbers both registers.
void emit_repeated(asmjit::x86::Assembler&, const Repeated&, const asmjit::x86::Gp& source, const asmjit::x86::Gp& destination);

}  // namespace ringfold::windows
