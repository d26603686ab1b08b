// Floating point on the x87 stack, as 32-bit compilers do it by default.
#include "bodies.h"
#include "rows.h"

uint32_t x87_bodies() {
    return bodies_after(opaque(100'000));
}

// The functions that have instructions of their own. CPUs and emulators differ in the last bits of their results, so
// the checksum takes only what all must agree on.
uint32_t x87_functions() {
    double sum = 0;
    for (int i = 1; i < opaque(120'000); ++i) {
        const double x = i * 0.001;
        double sine, logarithm, arc, root;
        asm("fsin" : "=t"(sine) : "0"(x));
        asm("fyl2x" : "=t"(logarithm) : "0"(x), "u"(1.0) : "st(1)");
        asm("fpatan" : "=t"(arc) : "0"(1.0), "u"(x) : "st(1)");
        asm("fsqrt" : "=t"(root) : "0"(x));
        sum += sine * root + logarithm * 0.01 + arc;
    }
    return uint32_t(std::lround(sum * 16));
}
