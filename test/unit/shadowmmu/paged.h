// A guest with two address spaces, for tests of what stays cached over paging changes.
#pragma once

#include "test/unit/shadowmmu/fixture.h"

namespace ringfold::test {

inline constexpr uint32_t kPd = 0x100000, kPt = 0x101000, kPd2 = 0x102000, kPt2 = 0x103000;

// Two address spaces; linear 0x400000 + n pages are user pages, 0xc0000000 is a global 4 MiB kernel page.
struct Paged : Guest {
    explicit Paged(uint32_t control0 = kPagedWp) {
        for (auto [pd, pt] : {std::pair{kPd, kPt}, {kPd2, kPt2}}) {
            poke(pd + 4, pt | P | W | U);
            poke(pd + 0x300 * 4, 0 | PS | P | W | G);
        }
        for (uint32_t i = 0; i < 16; ++i) poke(kPt + 4 * i, (0x200000 + 0x1000 * i) | P | W | U);
        for (uint32_t i = 0; i < 16; ++i) poke(kPt2 + 4 * i, (0x300000 + 0x1000 * i) | P | W | U);
        for (uint32_t a = 0x200000; a < 0x400000; a += 4) poke(a, a);
        set_mode(control0, cr4::PSE | cr4::PGE, kPd);
    }
    uint32_t read(uint32_t a, Privilege p = kUser) { return memory.read<uint32_t>(GuestVirt(a), p); }
    void write(uint32_t a, uint32_t v, Privilege p = kUser) { memory.write<uint32_t>(GuestVirt(a), v, p); }
    bool read_hits(uint32_t a, Privilege p) {
        const auto& tlb = memory.view(p).tlb;
        return SoftTlb::hits(tlb.read_bias[SoftTlb::index(GuestVirt(a))], GuestVirt(a), 4);
    }
    bool write_hits(uint32_t a, Privilege p) {
        const auto& tlb = memory.view(p).tlb;
        return SoftTlb::hits(tlb.write_bias[SoftTlb::index(GuestVirt(a))], GuestVirt(a), 4);
    }
};

}  // namespace ringfold::test
