// The functions that the compiler calls on its own.
#include "x86.h"

void* memcpy(void* to, const void* from, size_t n) {
    void* d = to;
    asm volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(n)::"memory");
    return to;
}

void* memset(void* to, int byte, size_t n) {
    void* d = to;
    asm volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(byte) : "memory");
    return to;
}

int memcmp(const void* a, const void* b, size_t n) {
    const u8 *x = a, *y = b;
    for (; n; --n, ++x, ++y)
        if (*x != *y) return *x - *y;
    return 0;
}
