// Ids of code segments, and the checks of data segments as numbers.
#include "translator/segmentation.h"

#include <algorithm>

#include "translator/interpreter/segment.h"

namespace ringfold {

namespace {

constexpr uint16_t kTypeBits = 0x0fff, kRealAccess = 0x93;

bool holds_64k(const SegmentRegister& s) {
    return s.limit >= 0xffff && !s.expand_down();
}

bool all_plain(const CpuState& s) {
    return std::all_of(s.segment.begin(), s.segment.end(), holds_64k);
}

bool usual_real_code(const SegmentRegister& cs) {
    return cs.base == uint32_t{cs.selector} << 4 && cs.limit == 0xffff &&
           (cs.attributes & kTypeBits & ~0x60) == kRealAccess && !cs.big();
}

}  // namespace

uint32_t real_segmentation_id(bool stack16, bool sse, bool user) {
    return kRealSegmentation | uint32_t{stack16} << 16 | uint32_t{sse} << 17 | uint32_t{user} << 18;
}

std::optional<Segmentation> SegmentationTable::of(const CpuState& s) {
    const SegmentRegister& cs = s.segment[CS];
    const bool real = interpreter::segments_are_real(s);
    if (!real && !(cs.present() && cs.is_code())) return std::nullopt;
    Segmentation now;
    now.code_base = cs.base;
    now.code_limit = cs.limit;
    now.code16 = !cs.big();
    now.stack16 = !s.segment[SS].big();
    now.real = real;
    now.code_readable = real || cs.readable();
    now.plain = real && all_plain(s);
    const bool sse = s.cr4 & cr4::OSFXSR, user = s.cpl == 3;
    if (now.plain && usual_real_code(cs)) {
        now.id = real_segmentation_id(now.stack16, sse, user) | cs.selector;
        return now;
    }
    const Key key{cs.base, cs.limit,
                  uint32_t{now.code16} | uint32_t{now.stack16} << 1 | uint32_t{real} << 2 | uint32_t{now.plain} << 3 |
                      uint32_t{now.code_readable} << 4 | uint32_t{sse} << 5 | uint32_t{user} << 6};
    if (key == last_ && last_answer_.id) return last_answer_;
    auto found = ids_.find(key);
    if (found == ids_.end()) {
        if (ids_.size() >= kMost) return std::nullopt;
        found = ids_.emplace(key, static_cast<uint32_t>(ids_.size()) + 1).first;
    }
    now.id = found->second;
    last_ = key;
    last_answer_ = now;
    return now;
}

SegmentChecks segment_checks(const SegmentRegister& s, bool real) {
    const bool usable = !s.expand_down() && (real || (s.present() && s.readable()));
    const bool writable = usable && (real || s.writable());
    const uint64_t check = SegmentChecks::kNever - 1 - s.limit;
    return {usable ? check : SegmentChecks::kNever, writable ? check : SegmentChecks::kNever};
}

void refresh_segment_checks(VcpuContext& context) {
    const bool real = interpreter::segments_are_real(context.cpu);
    for (unsigned n = 0; n < kSegments; ++n) {
        const SegmentRegister& s = context.cpu.segment[n];
        const SegmentChecks checks = segment_checks(s, real);
        context.read_check[n] = checks.read;
        context.write_check[n] = checks.write;
        const bool as_loaded = context.cpu.v86() || (s.attributes & kTypeBits) == kRealAccess;
        context.odd_real[n] = !as_loaded;
    }
}

}  // namespace ringfold
