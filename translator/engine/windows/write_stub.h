// A soft store that missed because its page holds code: shared host code that lets it pass if no translation was made
// from the bytes it writes.
#pragma once

#include <asmjit/x86.h>

namespace ringfold::windows {

// r9: Site*, r8d: linear address. Goes on at Site::hit with r9 the addend, or to `miss` with all as it was.
void emit_write_miss(asmjit::x86::Assembler&, const asmjit::Label& miss);

}  // namespace ringfold::windows
