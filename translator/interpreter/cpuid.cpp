// CPUID: the CPU model that guests see.
//
// An Intel Atom (family 6, model 0x36). Linux has that model on its NO_SPECULATION list: it runs programs in order, so
// that a kernel switches on no page-table isolation and no retpolines, which would be pure cost here. Its older
// brothers (0x1c) have glibc avoid BSF.
// Everything listed works; nothing else may be listed.
//
// The time-stamp counter's rate is told, and that it never stops or varies. Else Linux measures it against the PIT,
// which fails whenever the host takes the CPU away for a moment, and then lives without the counter.
#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "translator/interpreter/cpuid.h"
#include "translator/interpreter/handlers.h"
#include "translator/interpreter/memory_types.h"

namespace ringfold::interpreter {

namespace {

struct Leaf {
    uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

constexpr uint32_t kMaxLeaf = 2, kMaxLeafWithTsc = 0x16, kExtendedBase = 0x80000000, kMaxExtendedLeaf = 0x80000008;
constexpr uint32_t kClflushLine = 64 / 8;

constexpr uint32_t bits(std::initializer_list<unsigned> numbers) {
    uint32_t set = 0;
    for (const unsigned n : numbers) set |= 1u << n;
    return set;
}
// CPUID.1:EDX (SDM volume 2, table 3-11).
enum Feature : unsigned {
    FPU = 0, DE = 2, PSE = 3, TSC = 4, MSR = 5, PAE = 6, CX8 = 8, SEP = 11, MTRR = 12, PGE = 13, CMOV = 15, PAT = 16,
    CLFSH = 19, MMX = 23, FXSR = 24, SSE = 25, SSE2 = 26,
};
constexpr uint32_t kFeatures = bits({FPU, DE, PSE, TSC, MSR, PAE, CX8, SEP, MTRR, PGE, CMOV, PAT, CLFSH, MMX, FXSR, SSE, SSE2});
constexpr uint32_t kApic = 1u << 9;  // CPUID.1:EDX, and bit 11 of IA32_APIC_BASE
constexpr uint32_t kApicTimerAlwaysRuns = 1u << 2;  // CPUID.6:EAX
// CPUID.1:ECX (table 3-10).
enum MoreFeature : unsigned { SSE3 = 0, SSSE3 = 9, SSE4_1 = 19, SSE4_2 = 20, POPCNT = 23 };
constexpr uint32_t kMoreFeatures = bits({SSE3, SSSE3, SSE4_1, SSE4_2, POPCNT});
constexpr uint32_t kNx = 1u << 20;  // CPUID.80000001:EDX
constexpr uint32_t kTscAdjust = 1u << 1;    // CPUID.7:EBX
constexpr uint32_t kInvariantTsc = 1u << 8;  // CPUID.80000007:EDX
constexpr uint32_t kAddressBits = kPhysicalAddressBits | 32 << 8;  // physical, linear

uint32_t word(std::string_view text, size_t at) {
    uint32_t value = 0;
    if (at < text.size()) memcpy(&value, text.data() + at, std::min<size_t>(4, text.size() - at));
    return value;
}

Leaf brand(uint32_t leaf) {
    static constexpr std::string_view kBrand = "Ringfold virtual CPU";
    const size_t at = (leaf - 0x80000002) * 16;
    return {word(kBrand, at), word(kBrand, at + 4), word(kBrand, at + 8), word(kBrand, at + 12)};
}

// The counter as a multiple of the crystal's frequency, which is the local APIC timer's too. Linux multiplies kHz by the
// numerator in 32 bits, so it stays small.
Leaf crystal(uint32_t tsc_khz) { return {500, tsc_khz / 20, 10'000'000, 0}; }

uint32_t max_leaf(const CpuState& s) { return s.tsc_khz ? kMaxLeafWithTsc : kMaxLeaf; }

Leaf cpuid_leaf(const CpuState& s, bool apic, uint32_t leaf) {
    static constexpr std::string_view kVendor = "GenuineIntel";
    switch (leaf) {
        case 0: return {max_leaf(s), word(kVendor, 0), word(kVendor, 8), word(kVendor, 4)};
        case 1: return {kCpuSignature, kClflushLine << 8, kMoreFeatures, kFeatures | (apic ? kApic : 0)};
        case 2: return {1, 0, 0, 0};  // one query; no cache or TLB descriptors to tell of
        case 6: return {apic ? kApicTimerAlwaysRuns : 0, 0, 0, 0};
        case 7: return {0, s.tsc_khz && s.gpr[ECX] == 0 ? kTscAdjust : 0, 0, 0};
        case 0x15: return crystal(s.tsc_khz);
        case 0x16: return {s.tsc_khz / 1000, s.tsc_khz / 1000, 0, 0};
        case kExtendedBase: return {kMaxExtendedLeaf, 0, 0, 0};
        case 0x80000001: return {0, 0, 0, kNx};
        case 0x80000002: case 0x80000003: case 0x80000004: return brand(leaf);
        case 0x80000007: return {0, 0, 0, s.tsc_khz ? kInvariantTsc : 0};
        case kMaxExtendedLeaf: return {kAddressBits, 0, 0, 0};
        default: return {};
    }
}

}  // namespace

const uint32_t kCpuFeatures = kFeatures | kApic;

// A leaf above the highest answers as the highest basic one does (SDM volume 2, CPUID).
void cpuid(Interpreter& cpu, const Instruction&) {
    CpuState& s = cpu.state();
    const uint32_t asked = s.gpr[EAX];
    const bool beyond = asked > kMaxExtendedLeaf || (asked > max_leaf(s) && asked < kExtendedBase);
    const bool apic = cpu.interrupts && cpu.interrupts->apic_base() & 1u << 11;
    const Leaf l = cpuid_leaf(s, apic, beyond ? max_leaf(s) : asked);
    s.gpr[EAX] = l.eax;
    s.gpr[EBX] = l.ebx;
    s.gpr[ECX] = l.ecx;
    s.gpr[EDX] = l.edx;
}

}  // namespace ringfold::interpreter
