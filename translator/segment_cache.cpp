// The cache of loaded descriptors: filled after a load by the interpreter, emptied by traces.
#include "translator/segment_cache.h"
#include "translator/segmentation.h"

#include <algorithm>
#include <utility>

namespace ringfold {

namespace {

bool flat_writable(const SegmentRegister& s) {
    return s.present() && s.base == 0 && s.limit == 0xffffffff && s.writable() && !s.expand_down();
}
bool full_writable(const SegmentRegister& s) {
    return s.present() && s.limit == 0xffffffff && s.writable() && !s.expand_down();
}

}  // namespace

void SegmentCache::remember(unsigned segment) {
    const CpuState& cpu = context_.cpu;
    if (cpu.cpl != 0 && cpu.cpl != 3) return;
    check();
    const SegmentRegister& loaded = cpu.segment[segment];
    const uint32_t i = SegmentSlots::index(loaded.selector);
    const bool null = (loaded.selector & 0xfffc) == 0;
    Trace trace;
    if (!null) {
        const bool local = loaded.selector & 4;
        const GuestVirt at((local ? cpu.ldtr.base : cpu.gdtr.base) + (loaded.selector & 0xfff8u));
        const auto physical = memory_.debug_translate(at);
        constexpr uint32_t kDescriptorBytes = 8;
        if (!physical || !memory_.ram().contains(*physical) || at.page_offset() > kPageSize - kDescriptorBytes) return;
        if (std::none_of(pages_.begin(), pages_.end(), [&](const Page& p) { return p.linear == at.page(); }))
            pages_.push_back({at.page(), physical->page()});
        memory_.heed_flushes(at);
        trace = memory_.tracer().memory_trace(*physical, kDescriptorBytes, local ? TraceKind::Ldt : TraceKind::Gdt,
                                              [this, i](const TraceWrite&) { drop(i); });
    }
    trace_[i] = std::move(trace);
    SegmentSlots& slots = context_.segments;
    const uint32_t tag = 0u - (loaded.selector | (cpu.cpl == 3 ? SegmentSlots::kUser : 0));
    slots.any[i] = tag;
    slots.flat[i] = flat_writable(loaded) ? tag : SegmentSlots::kEmpty;
    slots.value[i] = loaded;
    slots.odd[i] = !full_writable(loaded);
    const SegmentChecks checks = segment_checks(loaded, false);
    slots.read_check[i] = checks.read;
    slots.write_check[i] = checks.write;
}

void SegmentCache::drop(uint32_t slot) {
    context_.segments.any[slot] = context_.segments.flat[slot] = SegmentSlots::kEmpty;
    trace_[slot].reset();
}

void SegmentCache::clear() {
    for (uint32_t i = 0; i < SegmentSlots::kSlots; ++i) drop(i);
    pages_.clear();
}

void SegmentCache::revalidate() {
    const bool all = std::all_of(pages_.begin(), pages_.end(), [&](const Page& p) {
        const auto now = memory_.debug_translate(p.linear);
        return now && *now == p.physical;
    });
    if (!all) clear();
}

void SegmentCache::state_changed() {
    const Seen before = std::exchange(seen_, now());
    const bool same_tables = before.gdtr == seen_.gdtr && before.ldtr == seen_.ldtr;
    same_tables ? revalidate() : clear();
}

}  // namespace ringfold
