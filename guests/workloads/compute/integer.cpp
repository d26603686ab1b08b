// Work in registers alone.
#include "rows.h"

uint32_t integer_loop() {
    uint32_t a = opaque(1u), b = 2, c = 3;
    for (uint32_t i = 0; i < 14'000'000; ++i) {
        a += b ^ i;
        b = (b << 5 | b >> 27) + c;
        c = (c ^ a) - (b >> 3);
    }
    return a ^ b ^ c;
}

// The lengths of Collatz sequences: nothing that a branch predictor could learn.
uint32_t branches() {
    uint32_t steps = 0;
    for (uint32_t start = 1; start < opaque(100'000u); ++start)
        for (uint32_t n = start; n != 1; ++steps) {
            if (n & 1)
                n = 3 * n + 1;
            else
                n >>= 1;
            asm volatile("" : "+r"(n));
        }
    return steps;
}

// 64-bit multiplications, divisions and carries by a 32-bit CPU.
uint32_t wide_arithmetic() {
    uint64_t x = uint64_t(opaque(463325252u)) << 20, sum = 0;
    for (uint32_t i = 1; i < 1'300'000; ++i) {
        x = x * 6364136223846793005ull + 1442695040888963407ull;
        sum += x / (i | 1) + x % 1000003;
    }
    return uint32_t(sum ^ sum >> 32);
}
