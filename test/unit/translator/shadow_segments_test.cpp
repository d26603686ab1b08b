// Truncation of guest segments: what the hardware lets through is never in the hole, and never what the guest's own segment
// forbids.
#include "translator/engine/segments/shadow_segments.h"

#include <catch2/catch.hpp>
#include <initializer_list>

namespace ringfold {
namespace {

using segments::HostSegment;

constexpr uint16_t kData = 0x93, kReadOnly = 0x91, kExpandDown = 0x97, kCode = 0x9b, kUnreadable = 0x99, kAbsent = 0x13, kBig = 0x4000;
constexpr uint64_t kEnd = 0xfc000000;

// SDM volume 3, section 6.3: limit checking.
bool lets(uint32_t limit, bool expand_down, bool big, uint32_t offset, uint32_t size) {
    const uint64_t last = uint64_t{offset} + size - 1;
    if (!expand_down) return last <= limit;
    return offset > limit && last <= (big ? 0xffffffff : 0xffff);
}
bool lets(const HostSegment& s, uint32_t offset, uint32_t size) {
    return lets(s.limit, s.expand_down, s.big, offset, size);
}
bool encodable(const HostSegment& s) {
    return s.limit <= 0xfffff || (s.limit & 0xfff) == 0xfff;
}

TEST_CASE("a shadow reaches neither the hole nor beyond the guest's limit") {
    for (const uint64_t end : {kEnd, uint64_t{0xc0000000}, uint64_t{0x1000}})
        for (const uint16_t attributes : {uint16_t{kData}, uint16_t{kData | kBig}, uint16_t{kExpandDown}, uint16_t{kExpandDown | kBig}})
            for (const uint32_t base : {0u, 1u, 0x10u, 0xffffu, 0x12345u, 0x100000u, 0xbfffffffu, 0xfbfffff0u, 0xfc000000u, 0xffff0000u, 0xffffffffu})
                for (const uint32_t limit : {0u, 1u, 0xffffu, 0x10000u, 0xfffffu, 0x100fffu, 0x7fffffffu, 0xfbffffffu, 0xffefffffu, 0xffffffffu}) {
                    const SegmentRegister guest{0x23, attributes, base, limit};
                    const HostSegment s = segments::shadow_of(guest, false, end);
                    CAPTURE(end, attributes, base, limit, s.base, s.limit, s.expand_down, s.big);
                    CHECK(encodable(s));
                    CHECK(s.big == guest.big());
                    for (const uint32_t edge : {0u, limit, s.limit, 0xffffu, 0xffffffffu, static_cast<uint32_t>(end) - base, 0u - base})
                        for (int d = -4; d <= 4; ++d)
                            for (const uint32_t size : {1u, 2u, 4u, 16u}) {
                                const uint32_t offset = edge + static_cast<uint32_t>(d);
                                if (!lets(s, offset, size)) continue;
                                for (const uint32_t byte : {offset, offset + size - 1})
                                    if (s.base + byte >= end) FAIL("reaches linear " << s.base + byte << " by offset " << byte);
                                if (!lets(limit, guest.expand_down(), guest.big(), offset, size)) FAIL("lets " << offset << " through");
                            }
                }
}

TEST_CASE("what lies below the hole is the guest's, to the byte") {
    for (const uint32_t limit : {0u, 0x7fu, 0xffffu, 0xfffffu, 0x1fffffu}) {
        const HostSegment s = segments::shadow_of({0x23, kData | kBig, 0x1234567, limit}, false, kEnd);
        CHECK(s == HostSegment{0x1234567, limit, false, true, true});
    }
    // Downwards from its base, around 4 GiB.
    CHECK(segments::shadow_of({0x23, kExpandDown | kBig, 0x200000, 0xffefffff}, false, kEnd) ==
          HostSegment{0x200000, 0xffefffff, true, true, true});
    CHECK(segments::shadow_of({0x23, kExpandDown, 0x200000, 0x7fff}, false, kEnd) == HostSegment{0x200000, 0x7fff, true, true, false});
    // The part of it that is below its base is all that can be shown.
    CHECK(segments::shadow_of({0x23, kExpandDown | kBig, 0x200000, 0xfff}, false, kEnd).limit == 0xffdfffff);
}

TEST_CASE("a shadow has the guest's rights") {
    CHECK(segments::shadow_of({0x23, kData | kBig, 0, 0xffff}, false, kEnd).writable);
    CHECK_FALSE(segments::shadow_of({0x23, kReadOnly | kBig, 0, 0xffff}, false, kEnd).writable);
    CHECK_FALSE(segments::shadow_of({0x23, kCode | kBig, 0, 0xffff}, false, kEnd).writable);
    CHECK(segments::shadow_of({0x23, kCode, 0, 0xffff}, true, kEnd).writable);
    for (const uint16_t none : {uint16_t{kUnreadable | kBig}, uint16_t{kAbsent | kBig}, uint16_t{0}})
        CHECK_FALSE(lets(segments::shadow_of({0x23, none, 0, 0xffff}, false, kEnd), 0, 1));
}

}  // namespace
}  // namespace ringfold
