// Decoded instructions by guest physical address, so that code which runs again is not decoded again.
//
// True to the bytes at every moment: each page that holds cached instructions has a code trace, and a write to
// any byte that an instruction was made from forgets the page's instructions. The owner passes on what a
// MappingListener hears, since linear addresses are remembered too.
#pragma once

#include <array>
#include <bitset>
#include <memory>
#include <unordered_map>
#include <vector>

#include "translator/decode/fetch.h"

namespace ringfold {

class DecodeCache {
public:
    DecodeCache(const CpuState& state, GuestMemory& memory);
    ~DecodeCache();
    DecodeCache(const DecodeCache&) = delete;
    DecodeCache& operator=(const DecodeCache&) = delete;

    // The instruction at CS:EIP, good until the next call. Throws the GuestFault of its fetch.
    const Instruction& fetch() {
        const SegmentRegister& cs = state_.segment[CS];
        const uint32_t linear = cs.base + state_.eip;
        if (key_of(linear) != current_key_) [[unlikely]] return fetch_elsewhere();
        const Instruction* i = current_slots_[linear % kPageSize];
        if (!i || uint64_t{state_.eip} + i->length - 1 > cs.limit) [[unlikely]] return fetch_uncached();
        return *i;
    }

    // Linear addresses may mean other pages now. Called for everything that a MappingListener hears.
    void mappings_changed();

    struct Counts {
        uint64_t decoded = 0, pages_dropped = 0, flushes = 0;
    };
    const Counts& counts() const { return counts_; }

private:
    struct CodePage;
    using Slots = std::array<const Instruction*, kPageSize>;

    // One number for what decides which page and which meaning: linear page, privilege, code size.
    uint32_t key_of(uint32_t linear) const {
        return linear / kPageSize | (state_.cpl == 3) << 20 | state_.segment[CS].big() << 21;
    }
    const Instruction& fetch_elsewhere();
    const Instruction& fetch_uncached();
    const Instruction& decode_on(CodePage&, GuestPhys);
    CodePage& page_at(GuestPhys page);
    void select(uint32_t key, CodePage&);
    void watch(CodePage&);
    void drop(CodePage&);
    void flush();
    Instruction& next_instruction();

    static constexpr uint32_t kNoKey = ~0u;
    static constexpr size_t kKnownPages = 256, kChunk = 1024, kMaxChunks = 1024, kMaxPages = 8192;

    const CpuState& state_;
    GuestMemory& memory_;
    uint32_t current_key_ = kNoKey;
    const Instruction* const* current_slots_ = nullptr;
    CodePage* current_page_ = nullptr;

    struct Known {
        uint32_t key = kNoKey;
        CodePage* page = nullptr;
    };
    std::array<Known, kKnownPages> known_{};
    bool knows_any_ = false;  // mappings change more often than the translator's own use of this cache fills it
    std::unordered_map<uint64_t, std::unique_ptr<CodePage>> pages_;  // by physical page and code size
    std::vector<std::unique_ptr<Instruction[]>> chunks_;             // instructions stay put until flush()
    size_t used_in_chunk_ = kChunk;
    Instruction scratch_;
    Counts counts_;
};

}  // namespace ringfold
