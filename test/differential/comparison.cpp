// What cannot be compared, and the comparison of what can.
#include "test/differential/comparison.h"

#include <algorithm>

#include "test/differential/exclusions.h"
#include "translator/classify/classifier.h"
#include "translator/decode/decoder.h"

namespace ringfold::test {

namespace {

constexpr uint32_t kResumeFlag = 0x10000;

bool decode_at(const CpuEnd& end, uint32_t eip, Instruction& out) {
    std::vector<uint8_t> bytes;
    for (uint32_t i = 0; i < kMaxInstructionLength; ++i)
        for (const PageImage& page : end.pages)
            if (page.address == ((eip + i) & ~0xfffu)) bytes.push_back(page.bytes[(eip + i) & 0xfff]);
    return !bytes.empty() && decode(bytes, CodeSize::Bits32, out) == DecodeStatus::Ok;
}

// Ended at an instruction that the exclusions name: undefined to the model, or of partial effects when it faults.
bool incomparable(const CpuEnd& end) {
    if (end.kind != EndKind::Fault) return true;
    Instruction i;
    if (!decode_at(end, end.eip, i)) return false;
    const bool partial = std::find(std::begin(kPartialOnFault), std::end(kPartialOnFault), i.row->name) != std::end(kPartialOnFault);
    return i.mnemonic == ZYDIS_MNEMONIC_INVALID || (partial && end.vector != 3);
}

}  // namespace

Comparison Comparer::compare(const CpuCase& c) {
    Comparison result;
    result.judge = cpus_[0]->run(c);
    if (incomparable(result.judge)) return {Outcome::Incomparable, "", result.judge};
    for (size_t i = 1; i < cpus_.size(); ++i) {
        const CpuEnd end = cpus_[i]->run(c);
        // A single step between the elements of a REP instruction pushes RF set by the manual, clear on AMD.
        const uint32_t flags = end.vector == 1 ? ~kResumeFlag : ~0u;
        if (end.vector == 6 && incomparable(end)) return {Outcome::Incomparable, "", result.judge};
        result.text += difference(end, cpus_[i]->name(), result.judge, cpus_[0]->name(), {.flags = flags});
    }
    if (!result.text.empty()) result.verdict = Outcome::Different;
    return result;
}

}  // namespace ringfold::test
