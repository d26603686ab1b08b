// The slow side of the decode cache: finding pages, decoding, forgetting.
#include "translator/decode/decode_cache.h"

#include <algorithm>

namespace ringfold {

// The instructions that start on one physical page, for one code size. Lives until flush().
struct DecodeCache::CodePage {
    GuestPhys physical;
    Slots slots{};
    std::bitset<kPageSize> code;  // bytes that some instruction was made from
    Trace trace;
};

DecodeCache::DecodeCache(const CpuState& state, GuestMemory& memory) : state_(state), memory_(memory) {}
DecodeCache::~DecodeCache() = default;

void DecodeCache::mappings_changed() {
    if (!knows_any_) return;
    knows_any_ = false;
    current_key_ = kNoKey;
    known_.fill({});
}

void DecodeCache::select(uint32_t key, CodePage& page) {
    current_key_ = key;
    current_page_ = &page;
    current_slots_ = page.slots.data();
}

const Instruction& DecodeCache::fetch_elsewhere() {
    const uint32_t key = key_of(state_.segment[CS].base + state_.eip);
    const Known& known = known_[key % kKnownPages];
    if (known.key != key) return fetch_uncached();
    select(key, *known.page);
    return fetch();
}

const Instruction& DecodeCache::fetch_uncached() {
    const SegmentRegister& cs = state_.segment[CS];
    if (state_.eip > cs.limit) throw GuestFault::general_protection();
    const GuestVirt at(cs.base + state_.eip);
    const auto answer = memory_.code_mapping(at, state_.privilege());
    if (const auto* fault = std::get_if<GuestFault>(&answer)) throw *fault;
    const Mapping& mapping = std::get<Mapping>(answer);
    const GuestPhys physical = mapping.physical;
    if (!memory_.ram().contains(physical)) {
        fetch_instruction(state_, memory_, scratch_);
        return scratch_;
    }
    CodePage& page = page_at(physical.page());
    const uint32_t key = key_of(at.value);
    memory_.note_code_page(at, state_.privilege(), mapping);  // so that the listener hears of its end
    known_[key % kKnownPages] = {key, &page};
    knows_any_ = true;
    select(key, page);
    return decode_on(page, physical);
}

const Instruction& DecodeCache::decode_on(CodePage& page, GuestPhys at) {
    const auto offset = static_cast<uint32_t>(at.page_offset());
    const Instruction* i = page.slots[offset];
    if (!i) {
        const size_t bytes = std::min<size_t>(kMaxInstructionLength, kPageSize - offset);
        Instruction& fresh = next_instruction();
        if (decode({memory_.ram().host(at), bytes}, code_size(state_), fresh) != DecodeStatus::Ok) {
            --used_in_chunk_;
            fetch_instruction(state_, memory_, scratch_);  // astride two pages, or too long
            return scratch_;
        }
        ++counts_.decoded;
        for (uint32_t n = offset; n < offset + fresh.length; ++n) page.code.set(n);
        page.slots[offset] = i = &fresh;
        watch(page);
    }
    if (uint64_t{state_.eip} + i->length - 1 > state_.segment[CS].limit) throw GuestFault::general_protection();
    return *i;
}

DecodeCache::CodePage& DecodeCache::page_at(GuestPhys physical) {
    if (pages_.size() >= kMaxPages || (chunks_.size() >= kMaxChunks && used_in_chunk_ == kChunk)) flush();
    auto& page = pages_[physical.value | state_.segment[CS].big()];
    if (!page) page = std::make_unique<CodePage>(CodePage{physical});
    return *page;
}

Instruction& DecodeCache::next_instruction() {
    if (used_in_chunk_ == kChunk) {
        chunks_.push_back(std::make_unique<Instruction[]>(kChunk));
        used_in_chunk_ = 0;
    }
    return chunks_.back()[used_in_chunk_++];
}

void DecodeCache::watch(CodePage& page) {
    if (page.trace) return;
    page.trace = memory_.tracer().memory_trace(page.physical, kPageSize, TraceKind::Decoded, [&](const TraceWrite& w) {
        const auto start = static_cast<uint32_t>(w.address.page_offset());
        for (uint32_t n = start; n < start + w.length(); ++n)
            if (page.code.test(n)) return drop(page);
    });
}

// The instruction that did the write may be one of these: its memory stays until flush().
void DecodeCache::drop(CodePage& page) {
    ++counts_.pages_dropped;
    page.slots.fill(nullptr);
    page.code.reset();
    page.trace.reset();
}

void DecodeCache::flush() {
    ++counts_.flushes;
    mappings_changed();
    pages_.clear();
    chunks_.clear();
    used_in_chunk_ = kChunk;
}

}  // namespace ringfold
