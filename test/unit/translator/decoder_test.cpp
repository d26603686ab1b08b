// Decoding: the fields of encodings that are easy to get wrong, and Capstone's opinion of random bytes.
#include "translator/decode/decoder.h"

#include <capstone/capstone.h>
#include <catch2/catch.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <random>
#include <vector>

#include "translator/classify/classifier.h"

using namespace ringfold;

namespace {

Instruction decoded(std::initializer_list<int> bytes, CodeSize size = CodeSize::Bits32) {
    std::vector<uint8_t> b(bytes.begin(), bytes.end());
    Instruction i;
    REQUIRE(decode(b, size, i) == DecodeStatus::Ok);
    REQUIRE(i.row != nullptr);
    REQUIRE(i.interpret != nullptr);
    return i;
}

bool undefined(std::initializer_list<int> bytes) {
    return decoded(bytes).mnemonic == ZYDIS_MNEMONIC_INVALID;
}

}  // namespace

TEST_CASE("a memory operand with everything") {
    // lock add word [gs:eax+ecx*4-8], imm8 -1
    const Instruction i = decoded({0xf0, 0x65, 0x66, 0x83, 0x44, 0x88, 0xf8, 0xff});
    CHECK(i.mnemonic == ZYDIS_MNEMONIC_ADD);
    CHECK(i.length == 8);
    CHECK(i.lock);
    CHECK(i.operand_size == 2);
    CHECK(i.prefix_length == 3);
    CHECK(i.mandatory_prefix == 0);
    CHECK(i.opcode == 0x83);
    CHECK(i.opcode_offset == 3);
    CHECK(i.has_modrm);
    CHECK(i.modrm_offset == 4);
    CHECK(i.modrm == 0x44);
    CHECK(i.immediate_offset == 7);
    CHECK(i.immediate_length == 1);
    CHECK(i.immediate == 0xffffffff);
    REQUIRE(i.has_memory);
    CHECK(i.memory.base == EAX);
    CHECK(i.memory.index == ECX);
    CHECK(i.memory.scale == 4);
    CHECK(i.memory.displacement == -8);
    CHECK(i.memory.segment == GS);
    CHECK(i.memory.size == 2);
    CHECK(i.writes_memory());
    CHECK(i.op(0).read);
}

TEST_CASE("16-bit addressing") {
    const Instruction i = decoded({0x67, 0x8b, 0x42, 0x80});  // mov eax, [bp+si-0x80]
    CHECK(i.address_size == 2);
    CHECK(i.memory.address_size == 2);
    CHECK(i.memory.base == EBP);
    CHECK(i.memory.index == ESI);
    CHECK(i.memory.segment == SS);
    CHECK(i.memory.displacement == -0x80);
    CHECK(i.operand_size == 4);
}

TEST_CASE("16-bit code") {
    const Instruction i = decoded({0x66, 0x05, 0x78, 0x56, 0x34, 0x12}, CodeSize::Bits16);  // add eax, imm32
    CHECK(i.length == 6);
    CHECK(i.operand_size == 4);
    CHECK(i.address_size == 2);
    CHECK(i.immediate == 0x12345678);
    CHECK(decoded({0x05, 0x34, 0x12}, CodeSize::Bits16).operand_size == 2);
}

TEST_CASE("the default segment is SS for esp and ebp as base") {
    CHECK(decoded({0x8b, 0x04, 0x24}).memory.segment == SS);
    CHECK(decoded({0x8b, 0x45, 0x00}).memory.segment == SS);
    CHECK(decoded({0x8b, 0x04, 0x2d, 0, 0, 0, 0}).memory.segment == DS);  // ebp is the index
}

TEST_CASE("byte registers are in encoding order") {
    const Instruction i = decoded({0x88, 0xe7});  // mov bh, ah
    CHECK(i.op(0).reg == 7);
    CHECK(i.op(1).reg == 4);
    CHECK(i.op(0).size == 1);
}

TEST_CASE("implicit operands stand in the manual's order") {
    const Instruction shift = decoded({0xd3, 0xe0});  // shl eax, cl
    CHECK(shift.operand_count == 2);
    CHECK(shift.op(1).kind == OperandKind::Gpr);
    CHECK(shift.op(1).reg == ECX);
    const Instruction one = decoded({0xd1, 0xe0});  // shl eax, 1
    CHECK(one.op(1).kind == OperandKind::Immediate);
    CHECK(one.immediate == 1);
    CHECK(one.immediate_length == 0);
    const Instruction moffs = decoded({0xa1, 0x78, 0x56, 0x34, 0xf2});  // mov eax, [0xf2345678]
    CHECK(moffs.op(0).reg == EAX);
    CHECK(moffs.op(1).kind == OperandKind::Memory);
    CHECK(static_cast<uint32_t>(moffs.memory.displacement) == 0xf2345678);
}

TEST_CASE("branches") {
    const Instruction jump = decoded({0xeb, 0xfe});
    CHECK(jump.op(0).kind == OperandKind::Relative);
    CHECK(jump.immediate == 0xfffffffe);
    const Instruction narrow = decoded({0x66, 0xe9, 0xfd, 0xff});
    CHECK(narrow.operand_size == 2);
    CHECK(narrow.length == 4);
    CHECK(narrow.immediate == 0xfffffffd);
    const Instruction far = decoded({0x9a, 0x44, 0x33, 0x22, 0x11, 0x66, 0x55});
    CHECK(far.op(0).kind == OperandKind::FarPointer);
    CHECK(far.immediate == 0x11223344);
    CHECK(far.immediate2 == 0x5566);
    const Instruction enter = decoded({0xc8, 0x34, 0x12, 0x05});
    CHECK(enter.immediate == 0x1234);
    CHECK(enter.immediate2 == 5);
    CHECK(enter.immediate_length == 3);
}

TEST_CASE("string instructions have no memory operand but a segment") {
    const Instruction i = decoded({0xf3, 0x64, 0xa5});  // rep movsd [fs]
    CHECK(i.rep);
    CHECK_FALSE(i.repne);
    CHECK_FALSE(i.has_memory);
    CHECK(i.memory.segment == FS);
    CHECK(decoded({0xf2, 0xf3, 0xa6}).rep);  // the last repeat prefix counts
    CHECK(decoded({0xf3, 0xf2, 0xa6}).repne);
    CHECK(decoded({0x67, 0xaa}).address_size == 2);
    CHECK_FALSE(decoded({0xf3, 0xc3}).rep);  // rep ret
}

TEST_CASE("forms that share a mnemonic have rows of their own") {
    CHECK(decoded({0xf2, 0x0f, 0x10, 0xc1}).mnemonic == ZYDIS_MNEMONIC_MOVSD_SCALAR);
    CHECK(decoded({0xf2, 0x0f, 0xc2, 0xc1, 0x02}).mnemonic == ZYDIS_MNEMONIC_CMPSD_SCALAR);
    CHECK(decoded({0xa5}).mnemonic == ZYDIS_MNEMONIC_MOVSD);
    CHECK(decoded({0x0f, 0xab, 0x08}).mnemonic == ZYDIS_MNEMONIC_BTS_STRING);  // bts [eax], ecx
    CHECK(decoded({0x0f, 0xab, 0xc8}).mnemonic == ZYDIS_MNEMONIC_BTS);
    CHECK(decoded({0x0f, 0xba, 0x28, 0x05}).mnemonic == ZYDIS_MNEMONIC_BTS);  // bts [eax], 5
}

TEST_CASE("mandatory prefixes are told from operand-size prefixes") {
    CHECK(decoded({0x66, 0x0f, 0x6f, 0x00}).mandatory_prefix == 0x66);
    CHECK(decoded({0x66, 0x0f, 0x6f, 0x00}).operand_size == 4);
    CHECK(decoded({0xf3, 0x0f, 0x6f, 0x00}).mandatory_prefix == 0xf3);
    CHECK(decoded({0x0f, 0x6f, 0x00}).mandatory_prefix == 0);
    CHECK(decoded({0x0f, 0x6f, 0x07}, CodeSize::Bits16).operand_size == 4);  // no 66 to add in 32-bit code
    CHECK(decoded({0x0f, 0xc3, 0x07}, CodeSize::Bits16).operand_size == 4);
    CHECK(decoded({0xd9, 0x37}, CodeSize::Bits16).operand_size == 2);  // FNSTENV of 14 bytes
}

TEST_CASE("operands too wide for a byte") {
    CHECK(decoded({0x0f, 0xae, 0x00}).memory.size == 512);
    CHECK(decoded({0xdd, 0x30}).memory.size == 108);
    CHECK(decoded({0x66, 0xdd, 0x30}).memory.size == 94);
    CHECK(decoded({0xdb, 0x28}).memory.size == 10);
}

TEST_CASE("no access, no size") {
    CHECK(decoded({0x8d, 0x44, 0x24, 0x04}).memory.size == 0);
    CHECK(decoded({0x0f, 0x1f, 0x44, 0x00, 0x00}).memory.size == 0);
    CHECK(decoded({0x0f, 0x18, 0x08}).memory.size == 0);
    CHECK(decoded({0x0f, 0x01, 0x38}).memory.size == 0);
}

TEST_CASE("the model ends at SSE4.2") {
    CHECK(decoded({0xf3, 0x0f, 0xbc, 0xc1}).mnemonic == ZYDIS_MNEMONIC_BSF);  // TZCNT later
    CHECK(decoded({0xf3, 0x0f, 0xbc, 0xc1}).mandatory_prefix == 0);
    CHECK(decoded({0xf3, 0x0f, 0xbd, 0xc1}).mnemonic == ZYDIS_MNEMONIC_BSR);
    CHECK(decoded({0xf3, 0x0f, 0x1e, 0xfb}).mnemonic == ZYDIS_MNEMONIC_NOP);  // ENDBR32 later
    CHECK(decoded({0xf3, 0x0f, 0xb8, 0xc1}).mnemonic == ZYDIS_MNEMONIC_POPCNT);
    CHECK(decoded({0x66, 0xf2, 0x0f, 0x38, 0xf1, 0xc1}).operand_size == 2);    // CRC32 of a word
    CHECK(decoded({0x66, 0x0f, 0x3a, 0x15, 0xc1, 0x00}).mnemonic == ZYDIS_MNEMONIC_PEXTRW);  // as of SSE4.1
    CHECK(undefined({0x0f, 0x38, 0xf0, 0x01}));                                // MOVBE
    CHECK(undefined({0x0f, 0x38, 0xc8, 0xc1}));                                // SHA1NEXTE
    CHECK(undefined({0x66, 0x0f, 0x38, 0xdc, 0xc1}));                          // AESENC
    CHECK(undefined({0x66, 0x0f, 0x3a, 0x44, 0xc1, 0x00}));                    // PCLMULQDQ
    CHECK(undefined({0x66, 0x0f, 0x38, 0xf6, 0xc1}));                          // ADCX
    CHECK(undefined({0xc5, 0xf8, 0x77}));                                      // VZEROUPPER
    CHECK(undefined({0x0f, 0x0f, 0xc1, 0xbf}));                                // 3DNow!
    CHECK(undefined({0x0f, 0xc7, 0xf0}));                                      // RDRAND
}

TEST_CASE("undefined encodings") {
    CHECK(undefined({0xf0, 0x90}));              // LOCK NOP
    CHECK(undefined({0xf0, 0x8b, 0x00}));        // LOCK MOV
    CHECK(undefined({0xf0, 0x01, 0xc8}));        // LOCK ADD eax, ecx
    CHECK(undefined({0xf0, 0x39, 0x08}));        // LOCK CMP
    CHECK(undefined({0x8d, 0xc0}));              // LEA eax, eax
    CHECK(undefined({0x0f, 0xff, 0xc0}) == false);  // UD0 is defined to be undefined
    CHECK(undefined({0xfe, 0xf8, 0, 0, 0, 0, 0}));
    const Instruction i = decoded({0x66, 0xfe, 0xf8});
    CHECK(i.mnemonic == ZYDIS_MNEMONIC_INVALID);
    CHECK(i.length == 3);
}

TEST_CASE("truncated and overlong instructions") {
    Instruction i;
    const uint8_t add[] = {0x05, 0x78, 0x56, 0x34, 0x12};
    for (size_t n = 0; n < sizeof(add); ++n)
        CHECK(decode(std::span(add, n), CodeSize::Bits32, i) == DecodeStatus::Truncated);
    CHECK(decode(add, CodeSize::Bits32, i) == DecodeStatus::Ok);
    std::vector<uint8_t> longest(15, 0x26);
    longest[12] = 0x83;  // add eax, 1
    longest[13] = 0xc0;
    longest[14] = 0x01;
    CHECK(decode(longest, CodeSize::Bits32, i) == DecodeStatus::Ok);
    CHECK(i.length == 15);
    const std::vector<uint8_t> prefixes(15, 0x26);
    CHECK(decode(prefixes, CodeSize::Bits32, i) == DecodeStatus::TooLong);
    CHECK(decode(std::span(prefixes).first(14), CodeSize::Bits32, i) == DecodeStatus::Truncated);
}

TEST_CASE("every row is found by its mnemonic") {
    for (const InstructionRow& row : all_rows()) {
        INFO(row.name);
        CHECK(&row_of(row.mnemonic) == &row);
        CHECK_FALSE(row.why.empty());
    }
}

namespace {

// Capstone 4 knows these differently, for reasons that have nothing to do with the model.
bool excluded(const Instruction& i, CodeSize size) {
    // FWAIT and the x87 opcodes that only exist as aliases: Capstone 4 rejects most of them.
    if (i.opcode_map == 0 && i.opcode >= 0xd9 && i.opcode <= 0xdf && i.modrm >= 0xc0) return true;
    // 66 beside F2 or F3 and 66 twice confuse Capstone 4: it forgets the operand size of CALL and of MOV moffs, or
    // takes 66 for the mandatory prefix where another one is. In 16-bit code it knows only some SSE2 opcodes.
    const auto prefixes = std::span(i.bytes).first(i.prefix_length);
    const auto count = [&](uint8_t byte) { return std::count(prefixes.begin(), prefixes.end(), byte); };
    if (count(0x66) && count(0x66) + count(0xf2) + count(0xf3) > 1) return true;
    if (i.mandatory_prefix && size == CodeSize::Bits16) return true;
    if (i.opcode_map == 1 && (i.opcode == 0x7c || i.opcode == 0x7d)) return i.address_size == 2;  // HADDPx, HSUBPx
    switch (i.mnemonic) {
        case ZYDIS_MNEMONIC_UD0: case ZYDIS_MNEMONIC_UD1: return true;  // no ModRM, or not known
        case ZYDIS_MNEMONIC_NOP: return true;   // 0F 18 to 1F: Capstone 4 knows 0F 1F /0 only
        case ZYDIS_MNEMONIC_PREFETCH: case ZYDIS_MNEMONIC_PREFETCHW: return true;
        case ZYDIS_MNEMONIC_LFENCE: case ZYDIS_MNEMONIC_MFENCE: case ZYDIS_MNEMONIC_SFENCE:
            return i.modrm & 7;  // the CPU ignores rm
        case ZYDIS_MNEMONIC_SALC: case ZYDIS_MNEMONIC_INT1: return true;
        default: break;
    }
    return false;
}

struct Capstone {
    explicit Capstone(cs_mode mode) { REQUIRE(cs_open(CS_ARCH_X86, mode, &handle) == CS_ERR_OK); }
    ~Capstone() { cs_close(&handle); }
    size_t length(std::span<const uint8_t> bytes) const {
        cs_insn* found = nullptr;
        const size_t count = cs_disasm(handle, bytes.data(), bytes.size(), 0, 1, &found);
        const size_t length = count ? found->size : 0;
        if (count) cs_free(found, count);
        return length;
    }
    csh handle = 0;
};

// Random bytes, with the opcodes of two bytes and prefixes as often as real code has them.
std::vector<uint8_t> random_bytes(std::mt19937& random) {
    std::vector<uint8_t> b(15);
    for (auto& byte : b) byte = static_cast<uint8_t>(random());
    static constexpr uint8_t kStarts[] = {0x0f, 0x66, 0x67, 0xf2, 0xf3, 0x2e, 0x65};
    size_t at = 0;
    while (at < 3 && random() % 3 == 0) b[at++] = kStarts[random() % std::size(kStarts)];
    return b;
}

void compare_lengths(CodeSize size, cs_mode mode) {
    const unsigned seed = 20061023;
    std::mt19937 random(seed);
    const Capstone capstone(mode);
    int compared = 0, differences = 0;
    std::string report;
    for (int n = 0; n < 200000; ++n) {
        const std::vector<uint8_t> bytes = random_bytes(random);
        Instruction i;
        if (decode(bytes, size, i) != DecodeStatus::Ok || i.mnemonic == ZYDIS_MNEMONIC_INVALID || excluded(i, size)) continue;
        ++compared;
        const size_t length = capstone.length(bytes);
        if (length == i.length) continue;
        if (++differences <= 20)
            report += fmt::format("seed {} case {}: {} {:02x} Zydis {} Capstone {}\n", seed, n, i.row->name,
                                  fmt::join(bytes, " "), i.length, length);
    }
    INFO(report);
    CHECK(compared > 100000);
    CHECK(differences == 0);
}

}  // namespace

TEST_CASE("Capstone agrees on the length, 32-bit code") { compare_lengths(CodeSize::Bits32, CS_MODE_32); }
TEST_CASE("Capstone agrees on the length, 16-bit code") { compare_lengths(CodeSize::Bits16, CS_MODE_16); }
