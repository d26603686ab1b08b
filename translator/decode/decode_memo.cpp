#include "translator/decode/decode_memo.h"

#include <cstring>

namespace ringfold {

namespace {

// Whether the first `length` bytes of both are the same; both have kMaxInstructionLength.
bool same_start(const uint8_t* a, const uint8_t* b, unsigned length) {
    auto differ = [&](unsigned from, unsigned count) {
        uint64_t x, y;
        memcpy(&x, a + from, sizeof x);
        memcpy(&y, b + from, sizeof y);
        return (x ^ y) << (64 - 8 * count) != 0;
    };
    constexpr unsigned kBehind = kMaxInstructionLength - 8;
    return length <= 8 ? !differ(0, length) : !differ(0, 8) && !differ(kBehind, length - kBehind);
}

}  // namespace

DecodeStatus DecodeMemo::decode(std::span<const uint8_t> bytes, CodeSize size, Instruction& out) {
    if (bytes.size() < kMaxInstructionLength) return ringfold::decode(bytes, size, out);
    // Most instructions are told apart by four bytes; the few that are not take turns in an entry.
    uint32_t first;
    memcpy(&first, bytes.data(), sizeof first);
    Entry& e = entries_[(first ^ static_cast<uint32_t>(size)) * 0x9e3779b97f4a7c15 >> (64 - kBits)];
    const Instruction& known = e.instruction;
    if (known.length && e.size == size && same_start(known.bytes.data(), bytes.data(), known.length)) {
        out = known;
        return DecodeStatus::Ok;
    }
    const DecodeStatus status = ringfold::decode(bytes, size, out);
    if (status == DecodeStatus::Ok) e = {out, size};
    return status;
}

}  // namespace ringfold
