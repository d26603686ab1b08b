// What is remembered is what decoding says, whatever bytes shared its place before.
#include "translator/decode/decode_memo.h"

#include <array>
#include <catch2/catch.hpp>
#include <cstring>
#include <random>

using namespace ringfold;

namespace {

using Bytes = std::array<uint8_t, kMaxInstructionLength>;

bool same(const Instruction& a, const Instruction& b) {
    return a.mnemonic == b.mnemonic && a.length == b.length && a.bytes == b.bytes && a.immediate == b.immediate &&
           a.operand_size == b.operand_size && a.memory.displacement == b.memory.displacement && a.row == b.row &&
           a.operand_count == b.operand_count && a.rep == b.rep && a.lock == b.lock;
}

void check(DecodeMemo& memo, std::span<const uint8_t> bytes, CodeSize size) {
    Instruction expected, got;
    const DecodeStatus status = decode(bytes, size, expected);
    REQUIRE(memo.decode(bytes, size, got) == status);
    REQUIRE(same(got, expected));
}

}  // namespace

TEST_CASE("a memo of decoded instructions answers as the decoder does") {
    std::mt19937 random(1);
    DecodeMemo memo;
    for (int n = 0; n < 200'000; ++n) {
        // Few different starts, so that most meet what is remembered, or something else with the same start.
        Bytes bytes{};
        std::mt19937 start(random() % 500);
        for (uint8_t& b : bytes) b = static_cast<uint8_t>(start());
        for (unsigned k = random() % 4; k > 0; --k) bytes[random() % bytes.size()] = static_cast<uint8_t>(random());
        const CodeSize size = random() % 2 ? CodeSize::Bits32 : CodeSize::Bits16;
        check(memo, bytes, size);
        check(memo, std::span(bytes).first(1 + random() % bytes.size()), size);
    }
}

TEST_CASE("instructions that differ in their last byte only are told apart") {
    DecodeMemo memo;
    // mov dword [eax + disp32], imm32, with prefixes: twelve bytes
    Bytes bytes{0x64, 0xf2, 0xc7, 0x80, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0};
    for (uint8_t last : {8, 9, 8}) {
        bytes[11] = last;
        check(memo, bytes, CodeSize::Bits32);
    }
    Bytes nop{0x90};
    for (uint8_t behind : {1, 2, 1}) {
        nop[1] = behind;
        check(memo, nop, CodeSize::Bits32);
    }
}
