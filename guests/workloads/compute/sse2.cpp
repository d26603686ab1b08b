// Floating point in SSE2: scalar code as compilers make it, and packed code by hand.
#include <emmintrin.h>

#include <vector>

#include "bodies.h"
#include "rows.h"

uint32_t sse2_bodies() {
    return bodies_after(opaque(130'000));
}

uint32_t sse2_matrix() {
    constexpr int kSize = 192;
    static std::vector<double> a(kSize * kSize), b(kSize * kSize), c(kSize * kSize);
    for (int i = 0; i < kSize * kSize; ++i) a[i] = i % 17 - 8, b[i] = i % 13 - 6;
    for (int turn = 0; turn < 3; ++turn)
        for (int i = 0; i < kSize; ++i)
            for (int k = 0; k < kSize; k += 2) {
                __m128d sum = _mm_setzero_pd();
                for (int m = 0; m < kSize; ++m)
                    sum = _mm_add_pd(sum, _mm_mul_pd(_mm_set1_pd(a[i * kSize + m]), _mm_loadu_pd(&b[m * kSize + k])));
                _mm_storeu_pd(&c[i * kSize + k], sum);
            }
    uint32_t sum = 0;
    for (const double v : c) sum = sum * 31 + uint32_t(int32_t(v));
    return sum;
}
