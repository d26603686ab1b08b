// What a test and the native judge (native_judge.cpp) share: one memfd holding the request, the answer and the
// pages. A byte through a pipe starts a run; a byte back ends it.
#pragma once

#include <cstdint>

namespace ringfold::test {

inline constexpr unsigned kMaxNativePages = 32, kMaxNativeDescriptors = 16;
inline constexpr int kNativeMemory = 3, kNativeStart = 4, kNativeDone = 5;  // the judge's descriptors
inline constexpr unsigned kNativeHeaderBytes = 8192;                        // page slots follow

struct NativePage {
    uint32_t address;
    uint32_t writable;
};

struct NativeState {
    uint32_t gpr[8];
    uint32_t eip, eflags;
    uint16_t segment[6];  // answer only
    alignas(16) uint8_t fpu[512];
};

struct NativeExchange {
    NativeState begin, end;
    NativePage page[kMaxNativePages];
    uint32_t pages;
    uint64_t ldt[kMaxNativeDescriptors];  // as a descriptor table holds them; 0: none
    uint32_t signal, vector, error_code, cr2;  // the answer
};
static_assert(sizeof(NativeExchange) <= kNativeHeaderBytes);

}  // namespace ringfold::test
