// What CPUID says of the CPU, for tables that repeat it.
#pragma once

#include <cstdint>

namespace ringfold::interpreter {

inline constexpr uint32_t kCpuSignature = 0x00030661;  // CPUID.1:EAX: family 6, model 0x36, stepping 1
extern const uint32_t kCpuFeatures;                    // CPUID.1:EDX, with the APIC

}  // namespace ringfold::interpreter
