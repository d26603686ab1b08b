// A view: what the CPU has cached about one guest address space at one privilege. The soft TLB is what
// hardware's TLB is; the jump cache is the translator's own use of it. Translated code addresses both through
// r15, so their layout is a contract with translator/emit.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "vmm/base/types.h"

namespace ringfold {

inline constexpr unsigned kTlbBits = 10;
inline constexpr uint32_t kTlbEntries = 1u << kTlbBits;

// Direct-mapped by page number. An access of `size` bytes at `a` hits entry i = page_number(a) % kTlbEntries if
//     uint32_t(a + size - 1 + bias[i]) < 4096
// which also turns away an access that straddles two pages; then the host address is a + addend[i], modulo 2^64.
// bias is minus the page's linear address, or never_matches(i).
struct SoftTlb {
    std::array<uint32_t, kTlbEntries> read_bias;
    std::array<uint32_t, kTlbEntries> write_bias;  // valid only once D is set and while nothing traces the page
    std::array<uint64_t, kTlbEntries> addend;
    std::array<uint32_t, kTlbEntries> permitted_bias;  // as write_bias, but whatever traces the page

    static constexpr uint32_t index(GuestVirt a) { return a.page_number() & (kTlbEntries - 1); }
    // Minus a page whose accesses, straddling ones too, never look in slot i.
    static constexpr uint32_t never_matches(uint32_t i) { return 0u - ((i ^ (kTlbEntries / 2)) << 12); }
    void clear() {
        for (uint32_t i = 0; i < kTlbEntries; ++i) read_bias[i] = write_bias[i] = permitted_bias[i] = never_matches(i);
    }
    static constexpr bool hits(uint32_t bias, GuestVirt a, unsigned size) {
        return a.value + size - 1 + bias < kPageSize;
    }
};

inline constexpr unsigned kJumpBits = 14;
inline constexpr uint32_t kJumpEntries = 1u << kJumpBits;

// Where the translation of a guest EIP starts. An entry is valid only while the page's mapping is. Entry i holds
// EIP e if negated_eip[i] == -e; an empty one holds an EIP that belongs in another slot.
struct JumpCache {
    std::array<uint32_t, kJumpEntries> negated_eip;
    std::array<const void*, kJumpEntries> host;

    // Chosen so that translated code can compute it by RORX, LEA and SHRX, which leave the flags alone.
    static constexpr uint32_t index(uint32_t eip) { return (std::rotr(eip, 14) + eip * 8) >> (32 - kJumpBits); }
    static constexpr uint32_t empty(uint32_t i) { return i == index(0) ? 0u - 4u : 0u; }
    static_assert((std::rotr(4u, 14) + 4u * 8) >> (32 - kJumpBits) != 0);  // EIP 4 is not in EIP 0's slot

    void clear() {
        for (uint32_t i = 0; i < kJumpEntries; ++i) negated_eip[i] = empty(i);
    }
};

// The same for code that is not flat, whose EIP means something only together with its segmentation (see
// translator/segmentation.h), a non-zero number. Entry i holds segmentation s and EIP e if negated_tag[i] ==
// -(s << 32 | e); an empty one is 0.
struct SegmentedJumpCache {
    std::array<uint64_t, kJumpEntries> negated_tag{};
    std::array<const void*, kJumpEntries> host;
    bool used = false;

    static constexpr uint64_t tag(uint32_t segmentation, uint32_t eip) { return uint64_t{segmentation} << 32 | eip; }
    static constexpr uint32_t index(uint32_t segmentation, uint32_t eip) {
        return JumpCache::index(std::rotl(segmentation, 6) + eip * 4);  // 16-bit code is dense
    }
    void clear() {
        if (used) negated_tag.fill(0);
        used = false;
    }
};

struct alignas(64) View {
    SoftTlb tlb;
    JumpCache jumps;
    SegmentedJumpCache segmented_jumps;

    void forget_jumps() {
        jumps.clear();
        segmented_jumps.clear();
    }
};

}  // namespace ringfold
