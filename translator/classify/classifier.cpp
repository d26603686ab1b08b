// The table, expanded from instructions.def and indexed by mnemonic.
#include "translator/classify/classifier.h"

#include <array>

#include "translator/interpreter/handlers.h"

namespace ringfold {

namespace {

constexpr InstructionRow kRows[] = {
#define ROW(mnemonic, verdict, emit, interpret, why) \
    {ZYDIS_MNEMONIC_##mnemonic, #mnemonic, Verdict::verdict, EmitKind::emit, interpreter::interpret, why},
#include "translator/classify/instructions.def"
#undef ROW
};

constexpr std::string_view kEmitKindNames[] = {
#define EMITTER(name) #name,
#include "translator/classify/emitters.def"
#undef EMITTER
};
static_assert(std::size(kEmitKindNames) <= 64, "EmitOptions::simulate_families has a bit for each");

static_assert(kRows[0].mnemonic == ZYDIS_MNEMONIC_INVALID, "the first row stands for what the table does not know");

const auto kIndex = [] {
    std::array<uint16_t, kMnemonicMax + 1> index{};
    for (size_t i = 0; i < std::size(kRows); ++i) index[kRows[i].mnemonic] = static_cast<uint16_t>(i);
    return index;
}();

}  // namespace

const InstructionRow& row_of(uint16_t mnemonic) {
    return kRows[kIndex[mnemonic]];
}

std::span<const std::string_view> emit_kind_names() {
    return kEmitKindNames;
}

std::span<const InstructionRow> all_rows() {
    return kRows;
}

}  // namespace ringfold
