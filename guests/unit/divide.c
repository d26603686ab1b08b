// Divisions that fail now and then, each instruction many times: a translator may come to check them beforehand, and
// must then find the same quotients, the same errors, and registers and flags as they were at each error.
#include "trap.h"

#define ROUNDS 12
#define FLAGS (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

static u32 divisor;

#define DIVISIONS(name, operand, suffix)                                  \
    SNIPPET(div_##name, "nop", "div" suffix " " operand);                 \
    SNIPPET(idiv_##name, "nop", "idiv" suffix " " operand)
DIVISIONS(register_32, "%ecx", "l");
DIVISIONS(register_16, "%cx", "w");
DIVISIONS(register_8, "%cl", "b");
DIVISIONS(high_8, "%ch", "b");
DIVISIONS(stack_pointer, "%esp", "l");
DIVISIONS(memory_32, "(%ebx)", "l");
DIVISIONS(memory_16, "(%ebx)", "w");
DIVISIONS(memory_8, "(%ebx)", "b");

// dividend = quotient * divisor + rest, or an error.
struct division {
    bool is_signed, fails;
    u32 divisor;
    u64 dividend;
    u32 quotient, rest;
};

static u64 extended(u32 value, u32 bits, bool is_signed) {
    const u64 v = bits == 32 ? value : value & ((1u << bits) - 1);
    return is_signed && v >> (bits - 1) ? v | ~0ull << bits : v;
}
static struct division whole(u32 bits, bool is_signed, u32 quotient, u32 by, u32 rest) {
    const u64 dividend = extended(quotient, bits, is_signed) * extended(by, bits, is_signed) + extended(rest, bits, is_signed);
    return (struct division){is_signed, false, by, dividend, quotient, rest};
}
static struct division failing(bool is_signed, u64 dividend, u32 by) { return (struct division){is_signed, true, by, dividend, 0, 0}; }

static u32 low(u32 value, u32 bits) { return bits == 32 ? value : value & ((1u << bits) - 1); }

static bool divides(const u8* code, u32 bits, bool high, bool user, const struct division* d) {
    struct context c = user ? user_context(code) : kernel_context(code);
    const u32 upper = (u32)(d->dividend >> bits), lower = (u32)d->dividend;
    c.eax = bits == 8 ? 0xabcd0000 | low(lower, 16) : bits == 16 ? 0xabcd0000 | low(lower, 16) : lower;
    c.edx = bits == 8 ? 0x55667788 : bits == 16 ? 0x55660000 | low(upper, 16) : upper;
    divisor = bits == 32 ? d->divisor : 0xa5a5a5a5u << bits | low(d->divisor, bits);
    c.ebx = (u32)&divisor;
    c.ecx = high ? low(d->divisor, 8) << 8 | 0x77 : divisor;
    if (code == div_stack_pointer || code == idiv_stack_pointer) c.esp = divisor;
    c.eflags |= FLAGS;
    const struct trap t = run(&c);
    if (d->fails)
        return t.vector == VEC_DE && t.at.eax == c.eax && t.at.edx == c.edx && t.at.ecx == c.ecx && t.at.ebx == c.ebx && (t.at.eflags & FLAGS) == FLAGS;
    const u32 eax = bits == 8    ? 0xabcd0000 | low(d->rest, 8) << 8 | low(d->quotient, 8)
                    : bits == 16 ? 0xabcd0000 | low(d->quotient, 16)
                                 : d->quotient;
    const u32 edx = bits == 8 ? 0x55667788 : bits == 16 ? 0x55660000 | low(d->rest, 16) : d->rest;
    return t.vector == VEC_DONE && t.at.eax == eax && t.at.edx == edx && t.at.ecx == c.ecx;
}

static u32 wrong_among(const struct division* all, u32 n, const u8* code, u32 bits, bool high, bool user) {
    u32 wrong = 0;
    for (u32 round = 0; round < ROUNDS; ++round)
        for (u32 i = 0; i < n; ++i) wrong += !divides(code, bits, high, user, &all[i]);
    return wrong;
}

static void all_of(u32 bits, const u8* unsigned_code, const u8* signed_code, bool high, bool user, const char* operand) {
    const u32 top = 1u << (bits - 1), most = low(~0u, bits);
    const u64 one = 1;
    const struct division plain[] = {
        whole(bits, false, 14, 7, 2),           failing(false, 100, 0),
        whole(bits, false, most, 1, 0),         failing(false, one << bits, 1),
        whole(bits, false, most, most, 0),      failing(false, (one << bits) * 7, 7),
        whole(bits, false, most - 3, 7, 6),     failing(false, (one << bits) * 8 - 1, 7),
        whole(bits, false, 1, most, most - 1),  failing(false, (one << bits) * most, most),
        whole(bits, false, 0, top, top - 1),    failing(false, 0, 0),
    };
    const struct division with_sign[] = {
        whole(bits, true, (u32)-14, 7, (u32)-2), failing(true, 100, 0),
        whole(bits, true, (u32)-5, (u32)-1, 0),  failing(true, -(u64)top, (u32)-1),
        whole(bits, true, top, 1, 0),            failing(true, (u64)-100, 0),
        whole(bits, true, top - 1, (u32)-1, 0),  failing(true, top, 1),
        whole(bits, true, 3, top, (u32)-1),      failing(true, (u64)top * 5, 4),
        whole(bits, true, (u32)-3, top, 1),      failing(true, -(u64)top * 5, (u32)-4),
    };
    const u32 n = sizeof plain / sizeof *plain;
    check_equal(wrong_among(plain, n, unsigned_code, bits, high, user), 0, "div %s, %s", operand, user ? "user" : "kernel");
    check_equal(wrong_among(with_sign, n, signed_code, bits, high, user), 0, "idiv %s, %s", operand, user ? "user" : "kernel");
}

int main(void) {
    for (u32 user = 0; user < 2; ++user) {
        all_of(32, div_register_32, idiv_register_32, false, user, "ecx");
        all_of(16, div_register_16, idiv_register_16, false, user, "cx");
        all_of(8, div_register_8, idiv_register_8, false, user, "cl");
        all_of(8, div_high_8, idiv_high_8, true, user, "ch");
        all_of(32, div_memory_32, idiv_memory_32, false, user, "dword");
        all_of(16, div_memory_16, idiv_memory_16, false, user, "word");
        all_of(8, div_memory_8, idiv_memory_8, false, user, "byte");
    }
    // From user mode the exception comes on another stack, so that ESP may be any number.
    all_of(32, div_stack_pointer, idiv_stack_pointer, false, true, "esp");
    return 0;
}
