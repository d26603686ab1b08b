// Truncation of guest segments, and the cache of the descriptors that come of it.
#include "translator/engine/segments/shadow_segments.h"

#include <algorithm>

#include "translator/engine/segments/low_memory.h"
#include "vmm/host/crash_report.h"

namespace ringfold::segments {

namespace {

constexpr uint32_t kLargestByteLimit = 0xfffff;  // beyond it, limits count pages
constexpr uint32_t kPageMask = kPageSize - 1;

uint16_t selector_of(unsigned shadow) {
    return static_cast<uint16_t>((kFirstShadow + shadow) << 3 | 7);
}

// Offsets base to base + limit. What wraps around 4 GiB is cut too.
HostSegment cut_from_above(HostSegment s, uint64_t end) {
    if (uint64_t{s.base} + s.limit < end) return s;
    if (s.base >= end) return {.big = s.big};
    const auto bytes = static_cast<uint32_t>(end - s.base);
    s.limit = (bytes > kLargestByteLimit + 1 ? bytes & ~kPageMask : bytes) - 1;
    return s;
}

// Offsets limit + 1 to 4 GiB (64 KiB in a 16-bit one). Such a segment ends where its base says, so it can only be cut from
// below: up to where its addresses wrap around 4 GiB and are below the hole again.
HostSegment cut_from_below(HostSegment s, uint64_t end) {
    const uint32_t top = s.big ? 0xffffffff : 0xffff;
    const HostSegment nothing{.big = s.big};
    if (s.limit >= top) return nothing;
    const uint64_t first = uint64_t{s.base} + s.limit + 1, last = uint64_t{s.base} + top;
    const bool below = last < end, behind_4_gib = first >= kFourGib && last - kFourGib < end;
    if (below || behind_4_gib) return s;
    if (!s.big || s.base == 0 || s.base > end) return nothing;
    s.limit = static_cast<uint32_t>(kFourGib - s.base - 1);
    if (s.limit > kLargestByteLimit) s.limit |= kPageMask;
    return s;
}

}  // namespace

HostSegment shadow_of(const SegmentRegister& guest, bool real, uint64_t end) {
    const bool usable = real || (guest.present() && guest.readable());
    if (!usable) return {.big = guest.big()};
    const HostSegment whole{guest.base, guest.limit, guest.expand_down(), real || guest.writable(), guest.big()};
    return whole.expand_down ? cut_from_below(whole, end) : cut_from_above(whole, end);
}

ShadowSegments::ShadowSegments() : has_16_bit_stacks_(write_shadow(kFirstShadow, {.big = false})) {
    at_home_.fill({.base = 1, .limit = 0});  // like none of a guest: a base without a byte
}

uint16_t ShadowSegments::selector(unsigned segment, const SegmentRegister& guest, bool real, uint64_t end) {
    Last& last = last_[segment];
    if (last.selector && last.guest == guest && last.real == real && last.end == end) return last.selector;
    HostSegment wanted = shadow_of(guest, real, end);
    if (segment != SS && !wanted.big && (!wanted.expand_down || !has_16_bit_stacks_)) {
        if (wanted.expand_down) wanted = {};
        wanted.big = true;  // says nothing where no stack is
    }
    last.selector = 0;
    const uint16_t found = find(wanted);
    last = {guest, real, end, found};
    return found;
}

uint16_t ShadowSegments::selector_at_home(const SegmentRegister& guest, uint64_t end) {
    const unsigned entry = guest.selector >> 3;
    if (entry == 0 && !(guest.selector & 4)) return 0;
    if (entry < kFirstFree || entry >= kFirstShadow) return selector(GS, guest, false, end);
    HostSegment wanted = shadow_of(guest, false, end);
    if (!wanted.expand_down) wanted.big = true;
    if (!wanted.expand_down && guest.limit == 0xffffffff) wanted.limit = guest.limit;
    if (at_home_[entry] != wanted) {
        at_home_[entry] = wanted;
        ++written_;
        if (!write_shadow(entry, wanted)) host::crash("modify_ldt refuses the shadow of a segment");
    }
    return static_cast<uint16_t>(entry << 3 | 7);
}

bool ShadowSegments::in_use(uint16_t selector) const {
    return std::any_of(last_.begin(), last_.end(), [&](const Last& l) { return l.selector == selector; });
}

uint16_t ShadowSegments::find(const HostSegment& wanted) {
    const auto* end = shadow_.begin() + used_;
    const auto* found = std::find(shadow_.cbegin(), end, wanted);
    if (found != end) return selector_of(static_cast<unsigned>(found - shadow_.begin()));
    while (in_use(selector_of(next_))) next_ = (next_ + 1) % kShadows;
    const unsigned n = next_;
    next_ = (next_ + 1) % kShadows;
    used_ = std::max(used_, n + 1);
    shadow_[n] = wanted;
    ++written_;
    if (!write_shadow(kFirstShadow + n, wanted)) host::crash("modify_ldt refuses the shadow of a segment");
    return selector_of(n);
}

}  // namespace ringfold::segments
