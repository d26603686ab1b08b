// The tables.
#include "test/segmented/limit_ways.h"

namespace ringfold::test {

std::span<const Way> ways() {
    using enum Place;
    using enum OnFault;
    static const std::vector<Way> table = {
        {"mov al, m", Operand, {0x8a}, 0, 1},
        {"mov m, al", Operand, {0x88}, 0, 1},
        {"mov ax, m", Operand, {0x66, 0x8b}, 0, 2},
        {"mov m, ax", Operand, {0x66, 0x89}, 0, 2},
        {"mov eax, m", Operand, {0x8b}},
        {"mov m, eax", Operand, {0x89}},
        {"mov m, imm", Operand, {0xc7}, 0, 4, {1, 2, 3, 4}},
        {"add m, eax", Operand, {0x01}},
        {"cmp m, eax", Operand, {0x39}},
        {"inc m8", Operand, {0xfe}, 0, 1},
        {"shl m, cl", Operand, {0xd3}, 4},
        {"xchg m, eax", Operand, {0x87}},
        {"lock xadd m, eax", Operand, {0xf0, 0x0f, 0xc1}},
        {"cmpxchg m, ecx", Operand, {0x0f, 0xb1}, 1},
        {"cmpxchg8b m", Operand, {0x0f, 0xc7}, 1, 8},
        {"bts m, imm", Operand, {0x0f, 0xba}, 5, 4, {31}},
        {"movzx eax, m16", Operand, {0x0f, 0xb7}, 0, 2},
        {"setc m", Operand, {0x0f, 0x92}, 0, 1},
        {"push m", Operand, {0xff}, 6},
        {"pop m", Operand, {0x8f}, 0},
        {"imul eax, m", Operand, {0x0f, 0xaf}},
        {"lea eax, m", Operand, {0x8d}},
        {"fld m64", Operand, {0xdd}, 0, 8},
        {"fstp m80", Operand, {0xdb}, 7, 10, {}, InPieces},
        {"fnstcw m", Operand, {0xd9}, 7, 2},
        {"movq mm0, m", Operand, {0x0f, 0x6f}, 0, 8},
        {"movups xmm0, m", Operand, {0x0f, 0x10}, 0, 16},
        {"movups m, xmm0", Operand, {0x0f, 0x11}, 0, 16},
        {"xlat", Esi, {0xd7}, 0, 1},
        {"lodsb", Esi, {0xac}, 0, 1},
        {"lodsd", Esi, {0xad}},
        {"movsd from", Esi, {0xa5}},
        {"cmpsw from", Esi, {0x66, 0xa7}, 0, 2},
        {"rep movsd from", Esi, {0xf3, 0xa5}},
        {"repe cmpsb from", Esi, {0xf3, 0xa6}, 0, 1},
        {"movsb to", Edi, {0xa4}, 0, 1},
        {"stosd", Edi, {0xab}},
        {"scasw", Edi, {0x66, 0xaf}, 0, 2},
        {"rep stosd", Edi, {0xf3, 0xab}},
        {"rep stosb", Edi, {0xf3, 0xaa}, 0, 1},
        {"rep movsw to", Edi, {0xf3, 0x66, 0xa5}, 0, 2},
        {"repne scasd", Edi, {0xf2, 0xaf}},
        {"push eax", Push, {0x50}},
        {"push ax", Push, {0x66, 0x50}, 0, 2},
        {"push imm", Push, {0x68, 9, 8, 7, 6}},
        {"push ds", Push, {0x1e}},
        {"pushf", Push, {0x9c}},
        {"pusha", Push, {0x60}, 0, 32, {}, HalfDone},
        {"call", Push, {0xe8, 0, 0, 0, 0}},
        {"enter", Push, {0xc8, 8, 0, 0}, 0, 12, {}, HalfDone},
        {"enter nested", Push, {0xc8, 4, 0, 2}, 0, 16, {}, HalfDone},
        {"pop eax", Pop, {0x58}},
        {"pop ax", Pop, {0x66, 0x58}, 0, 2},
        {"popa", Pop, {0x61}, 0, 32, {}, HalfDone},
        {"ret", Pop, {0xc3}},
        {"ret imm", Pop, {0xc2, 8, 0}},
        {"leave", Frame, {0xc9}},
    };
    return table;
}

std::vector<SelectorWay> selector_ways(uint32_t pointer) {
    const auto p = [&](std::vector<uint8_t> bytes) {
        for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<uint8_t>(pointer >> 8 * i));
        return bytes;
    };
    return {
        {"mov es, ax", {0x8e, 0xc0}},
        {"mov ss, ax", {0x8e, 0xd0}},
        {"mov ds, ax", {0x8e, 0xd8}},
        {"mov fs, ax", {0x8e, 0xe0}},
        {"mov gs, ax", {0x8e, 0xe8}},
        {"mov gs, m", p({0x8e, 0x2d})},
        {"pop es", {0x50, 0x07}},
        {"pop ss", {0x50, 0x17}},
        {"pop ds", {0x50, 0x1f}},
        {"pop fs", {0x50, 0x0f, 0xa1}},
        {"pop gs", {0x50, 0x0f, 0xa9}},
        {"les", p({0xc4, 0x0d})},
        {"lds", p({0xc5, 0x0d})},
        {"lss", p({0x0f, 0xb2, 0x0d})},
        {"lfs", p({0x0f, 0xb4, 0x0d})},
        {"lgs", p({0x0f, 0xb5, 0x0d})},
        {"lar", {0x0f, 0x02, 0xc8}},
        {"lsl", {0x0f, 0x03, 0xc8}},
        {"verr", {0x0f, 0x00, 0xe0}},
        {"verw", {0x0f, 0x00, 0xe8}},
        {"jmp far", p({0xff, 0x2d})},
        {"call far", p({0xff, 0x1d}), false, OnFault::HalfDone},
        {"ret far", {0xcb}, true},
        {"iret", {0xcf}, true},
    };
}

}  // namespace ringfold::test
