// Times operations.
#include "measure.h"

#include "report.h"

#define SAMPLES 101

static u32 samples[SAMPLES];

static u32 median(void) {
    for (u32 i = 1; i < SAMPLES; ++i)
        for (u32 k = i; k && samples[k] < samples[k - 1]; --k) {
            const u32 t = samples[k];
            samples[k] = samples[k - 1];
            samples[k - 1] = t;
        }
    return samples[SAMPLES / 2];
}

void measure_after(const char* name, void (*before)(void), void (*operation)(u32 n), u32 repeat, u32 warm) {
    for (u32 i = 0; i < warm; ++i) {
        before();
        operation(repeat);
    }
    for (u32 i = 0; i < SAMPLES; ++i) {
        before();
        const u64 start = rdtsc();
        operation(repeat);
        const u64 cycles = rdtsc() - start;
        samples[i] = cycles > 0xffffffff ? 0xffffffff : (u32)cycles;
    }
    const u32 tenths = (u32)((u64)median() > 0x19999998 ? 0xffffffff / repeat : median() * 10 / repeat);
    print("%s: %u.%u\n", name, tenths / 10, tenths % 10);
}

static void nothing(void) {}

void measure(const char* name, void (*operation)(u32 n), u32 repeat, u32 warm) {
    measure_after(name, nothing, operation, repeat, warm);
}
