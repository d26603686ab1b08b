// What cannot be compared, and the comparison of what can.
#include "test/differential/comparison.h"

#include <algorithm>

#include "test/differential/exclusions.h"
#include "translator/classify/classifier.h"
#include "translator/decode/decoder.h"

namespace ringfold::test {

namespace {

constexpr uint32_t kResumeFlag = 0x10000, kMxcsrPrecision = 0x20;

bool decode_at(const CpuEnd& end, uint32_t eip, Instruction& out) {
    std::vector<uint8_t> bytes;
    for (uint32_t i = 0; i < kMaxInstructionLength; ++i)
        for (const PageImage& page : end.pages)
            if (page.address == ((eip + i) & ~0xfffu)) bytes.push_back(page.bytes[(eip + i) & 0xfff]);
    return !bytes.empty() && decode(bytes, CodeSize::Bits32, out) == DecodeStatus::Ok;
}

bool named(const Instruction& i, auto& list, auto name_of) {
    return std::any_of(std::begin(list), std::end(list), [&](const auto& e) { return name_of(e) == i.row->name; });
}

// Ended at an instruction that the exclusions name (code that changes itself may come to any), or that has partial
// effects when it faults.
bool incomparable(const CpuEnd& end) {
    if (end.kind != EndKind::Fault) return true;
    Instruction i;
    if (!decode_at(end, end.eip, i)) return false;
    const bool left_out = excluded(i.row->name, Judge::Host);
    const bool partial = named(i, kPartialOnFault, [](std::string_view name) { return name; });
    // CVTTPD2PI and its like have entered MMX state before their #XM on AMD.
    const bool mmx = i.op(0).kind == OperandKind::Mmx || i.op(1).kind == OperandKind::Mmx;
    return left_out || (partial && end.vector != 3) || (mmx && end.vector == 19);
}

// An operand that runs over the end of the 4 GiB segment: hardware may or may not find the limit violated (SDM volume
// 3, 5.3). Ours need not; then the last page, unmapped, faults.
bool over_the_end(const CpuEnd& end, const CpuEnd& judge) {
    constexpr uint32_t kGreatestOperand = 512;
    return (judge.vector == 12 || judge.vector == 13) && end.vector == 14 && end.cr2 >= 0u - kGreatestOperand;
}

// The manual leaves the order of #AC and the other faults of one access to the maker (volume 3, table 6-2), and AMD
// finds no #AC in BOUND.
bool alignment_differs(const CpuEnd& end, const CpuEnd& judge) {
    if ((end.vector == 17) == (judge.vector == 17)) return false;
    const CpuEnd& unaligned = end.vector == 17 ? end : judge;
    const CpuEnd& other = end.vector == 17 ? judge : end;
    Instruction i;
    const bool bound = decode_at(unaligned, unaligned.eip, i) && i.mnemonic == ZYDIS_MNEMONIC_BOUND;
    const bool same_place = unaligned.eip == other.eip && other.vector >= 12 && other.vector <= 14;
    return bound || same_place;
}

// CMPS has two operands in memory, and where both fault the maker chooses: AMD's Zen 3 reads ES:EDI first, Zen 4 and
// the interpreter DS:ESI. (16 bits of an address are enough to tell which of them CR2 is.)
bool compare_order_differs(const CpuEnd& end, const CpuEnd& judge) {
    if (end.eip != judge.eip || end.vector != 14 || judge.vector != 14 || end.cr2 == judge.cr2) return false;
    Instruction i;
    constexpr uint8_t kCmps = 0xa6;
    if (!decode_at(end, end.eip, i) || i.opcode_map != 0 || (i.opcode & 0xfe) != kCmps) return false;
    const auto operand = [](const CpuEnd& e, Gpr at) { return static_cast<uint16_t>(e.cr2 - e.gpr[at]) < 4; };
    return operand(end, ESI) && operand(judge, EDI);
}

// MXCSR bit 17 is AMD's own; to the model it is reserved.
bool misaligned_mode(const CpuEnd& end) {
    constexpr uint8_t kByte = 26, kBit = 2;
    return end.fpu[kByte] & kBit;
}

}  // namespace

bool Comparer::comparable_to_host(const CpuEnd& end, const CpuEnd& host) const {
    if (over_the_end(end, host) || alignment_differs(end, host) || compare_order_differs(end, host)) return false;
    return end.kind != EndKind::Fault || !incomparable(end);
}

Comparison Comparer::compare(const CpuCase& c) {
    Comparison result;
    result.judge = cpus_[0]->run(c);
    const bool host = judge() == Judge::Host;
    const bool unfit =
        host ? incomparable(result.judge) || misaligned_mode(result.judge) : result.judge.kind == EndKind::TimedOut;
    if (unfit) return {Outcome::Incomparable, "", result.judge};
    for (size_t i = 1; i < cpus_.size(); ++i) {
        const CpuEnd end = cpus_[i]->run(c);
        // A loop whose counter the code hit: too many steps, though it would end.
        if (end.kind == EndKind::TimedOut && std::string_view(cpus_[i]->name()) == "step")
            return {Outcome::Incomparable, "", result.judge};
        if (host && !comparable_to_host(end, result.judge)) return {Outcome::Incomparable, "", result.judge};
        // A single step between the elements of a REP instruction pushes RF set by the manual, clear on AMD.
        const uint32_t flags = host && end.vector == 1 ? ~kResumeFlag : ~0u;
        // After an unmasked overflow or underflow #P is that of the result with its exponent wrapped, which the
        // interpreter, working with all masked, does not see.
        const uint32_t mxcsr = end.vector == 19 ? ~kMxcsrPrecision : ~0u;
        result.text +=
            difference(end, cpus_[i]->name(), result.judge, cpus_[0]->name(), {.flags = flags, .mxcsr = mxcsr});
    }
    if (!result.text.empty()) result.verdict = Outcome::Different;
    return result;
}

}  // namespace ringfold::test
