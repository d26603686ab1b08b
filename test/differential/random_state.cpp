// How the random states are made.
#include "test/differential/random_state.h"

#include <cstring>

#include "test/support/test_layout.h"

namespace ringfold::test {

namespace {

constexpr uint32_t kDataPages[] = {0x4000, 0x4000, 0x5000, 0x9000, 0x00401000, 0x7ffff000, 0x80000000, 0xfffe0000};
constexpr uint8_t kHlt = 0xf4;

uint64_t random_double(RandomSource& r) {
    switch (r.below(6)) {
        case 0:
            return r.bits();
        case 1:
            return r.pick<uint64_t>({0, 0x8000000000000000, 0x3ff0000000000000, 0x7ff0000000000000, 0x7ff8000000000000,
                                     0xfff0000000000001, 1, 0x000fffffffffffff});
        default: {
            const double value = (static_cast<double>(r.bits()) / 1e12 - 9e6) / (1u << r.below(24));
            uint64_t bits;
            memcpy(&bits, &value, 8);
            return bits;
        }
    }
}

uint32_t random_float(RandomSource& r) {
    if (r.chance(20))
        return r.pick<uint32_t>({0, 0x80000000, 0x3f800000, 0x7f800000, 0x7fc00000, 0x7f800001, 1, 0x7f7fffff});
    if (r.chance(20)) return static_cast<uint32_t>(r.bits());
    const float value = static_cast<float>(static_cast<int32_t>(r.bits())) / static_cast<float>(1u << r.below(31));
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return bits;
}

// Eight bytes of some kind that some instruction takes.
uint64_t random_qword(RandomSource& r) {
    switch (r.below(5)) {
        case 0:
            return random_double(r);
        case 1:
            return random_float(r) | uint64_t{random_float(r)} << 32;
        case 2:
            return random_dword(r) | uint64_t{random_dword(r)} << 32;
        case 3:
            return random_data_address(r) | uint64_t{random_dword(r)} << 32;
        default:
            return r.bits();
    }
}

void random_st(RandomSource& r, uint8_t* st) {
    uint64_t mantissa = r.bits() | 0x8000000000000000;
    uint16_t exponent = static_cast<uint16_t>(0x3fff - 40 + r.below(80));
    if (r.chance(15)) exponent = r.pick<uint16_t>({0, 1, 0x7fff, 0x7ffe});
    if (r.chance(20)) mantissa = r.pick<uint64_t>({0x8000000000000000, 0xc000000000000000, 0, 1});
    if (r.chance(5)) mantissa &= 0x7fffffffffffffff;  // unnormal or denormal
    if (r.chance(50)) exponent |= 0x8000;
    memcpy(st, &mantissa, 8);
    memcpy(st + 8, &exponent, 2);
}

FpuImage random_fpu(RandomSource& r) {
    FpuImage image = initial_fpu();
    uint16_t fcw = static_cast<uint16_t>(0x37f & ~0xf00) |
                   static_cast<uint16_t>(r.pick<uint16_t>({0x300, 0x300, 0x200, 0}) | r.below(4) << 10);
    if (r.chance(8)) fcw = static_cast<uint16_t>(fcw & ~(1u << r.below(6)));
    const uint16_t fsw = static_cast<uint16_t>(r.below(8) << 11 | (r.bits() & 0x4700));
    const uint8_t ftw = static_cast<uint8_t>(r.chance(30) ? 0xff : r.chance(30) ? 0 : r.bits());
    uint32_t mxcsr = 0x1f80 | r.below(4) << 13;
    if (r.chance(10)) mxcsr |= 0x8040;
    if (r.chance(8)) mxcsr &= ~(0x80u << r.below(6));
    memcpy(&image[0], &fcw, 2);
    memcpy(&image[2], &fsw, 2);
    image[4] = ftw;
    memcpy(&image[24], &mxcsr, 4);
    for (unsigned i = 0; i < 8; ++i) random_st(r, &image[32 + 16 * i]);
    for (unsigned i = 0; i < 16; ++i) {
        const uint64_t lane = random_qword(r);
        memcpy(&image[160 + 8 * i], &lane, 8);
    }
    return image;
}

}  // namespace

uint32_t random_dword(RandomSource& r) {
    switch (r.below(4)) {
        case 0:
            return r.pick<uint32_t>(
                {0, 1, 0xffffffff, 0x7fffffff, 0x80000000, 0x80, 0xff, 0x7f, 0x8000, 0xffff, 0x10000});
        case 1:
            return r.below(64);
        default:
            return static_cast<uint32_t>(r.bits());
    }
}

uint32_t random_data_address(RandomSource& r) {
    const uint32_t page = r.pick(kDataPages);
    if (r.chance(3)) return kHolePage + r.below(4096);
    if (r.chance(3)) return kReadOnlyPage + r.below(4096);
    if (r.chance(7)) return page + 4096 - r.below(16);
    if (r.chance(2)) return page - r.below(8);
    const uint32_t offset = r.below(4096 - 64);
    return page + (r.chance(60) ? offset & ~15u : offset);
}

CpuCase random_state(RandomSource& r) {
    CpuCase c;
    c.pages = standard_pages();
    for (PageImage& page : c.pages) {
        if (page.address < kCodeEnd) {
            page.bytes.fill(kHlt);
            continue;
        }
        for (unsigned i = 0; i < 4096; i += 8) {
            const uint64_t value = random_qword(r);
            memcpy(&page.bytes[i], &value, 8);
        }
    }
    for (uint32_t& reg : c.gpr) reg = r.chance(55) ? random_data_address(r) : random_dword(r);
    c.gpr[4] = kStackPage + 0x100 + (r.below(0xe00) & ~3u);
    if (r.chance(5)) c.gpr[4] = random_data_address(r);
    c.eip = kCodePage + (r.chance(20) ? 4096 - r.below(48) : r.below(1024));
    c.eflags = kStartFlags | (static_cast<uint32_t>(r.bits()) & 0x8d5);
    if (r.chance(20)) c.eflags |= 0x400;
    if (r.chance(1)) c.eflags |= r.pick<uint32_t>({0x100, 0x40000, 0x200000});
    if (r.chance(60)) c.fpu = random_fpu(r);
    return c;
}

}  // namespace ringfold::test
