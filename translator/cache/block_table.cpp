// All translations, and the code traces that keep them true to the guest's bytes.
#include "translator/cache/block_table.h"

#include <x86intrin.h>

#include <algorithm>
#include <utility>

#include "translator/decode/decoder.h"
#include "translator/engine/engine.h"

namespace ringfold {

namespace {
constexpr size_t kBuckets = 1 << 19;  // a full cache holds about as many blocks
// So many writes into code of a page, each so soon behind the one before, and the page is taken to be filled with data.
constexpr unsigned kSweepWrites = 8;
constexpr uint64_t kSweepCycles = 100'000;
constexpr unsigned kMostMoved = 8;  // jumps that forward() leads to the new block themselves
}

struct KeyEqual {
    bool operator()(const BlockKey& k, const Block& b) const { return k == b.key; }
    bool operator()(const Block& b, const BlockKey& k) const { return k == b.key; }
};

inline size_t hash_value(const Block& b) {
    return hash_value(b.key);
}
inline bool operator==(const Block& a, const Block& b) {
    return a.key == b.key;
}

using PageHook = bi::list_member_hook<bi::link_mode<bi::auto_unlink>>;

// The blocks made from bytes of one guest page, and the trace that watches it. Ranges are compared here, so that
// data beside code does not kill translations.
struct BlockTable::CodePage {
    bi::list<Block, bi::member_hook<Block, PageHook, &Block::page_hook>, bi::constant_time_size<false>> begun_here;
    bi::list<Block, bi::member_hook<Block, PageHook, &Block::second_page_hook>, bi::constant_time_size<false>> end_here;
    Trace trace;
    GuestPhys address;
    uint64_t last_kill = 0;  // time-stamp counter
    unsigned kills = 0;      // in a row
};

BlockTable::BlockTable(CodeCache& cache, MemoryTracer& tracer, uint64_t ram_bytes)
    : cache_(cache), tracer_(tracer), buckets_(kBuckets), set_(BlockSet::bucket_traits(buckets_.data(), kBuckets)), store_(cache),
      pages_(ram_bytes / kPageSize), map_(ram_bytes) {}

BlockTable::~BlockTable() {
    set_.clear();
}

Block* BlockTable::find(const BlockKey& key) {
    auto it = set_.find(key, [](const BlockKey& k) { return hash_value(k); }, KeyEqual{});
    return it == set_.end() ? nullptr : &*it;
}

Block* BlockTable::find_by_host(const void* pc) const {
    return store_.find(pc);
}

Block* BlockTable::find_by_entry(const void* pc) {
    Block*& slot = by_entry_[entry_slot(pc)];
    if (slot && slot->entry() == pc) return slot;
    Block* block = find_by_host(pc);
    if (!block || block->entry() != pc) return nullptr;
    return slot = block;
}

BlockTable::CodePage& BlockTable::page_of(GuestPhys address) {
    auto& page = pages_[address.page_number()];
    if (!page) {
        page = std::make_unique<CodePage>();
        page->address = address.page();
    }
    if (!page->trace) {
        CodePage* p = page.get();
        page->trace = tracer_.memory_trace(address.page(), kPageSize, TraceKind::Code,
                                           [this, p](const TraceWrite& w) { on_code_write(*p, w); });
    }
    return *page;
}

Block& BlockTable::add(BlockStore::Owned owned) {
    Block& block = store_.keep(std::move(owned));
    by_entry_[entry_slot(block.entry())] = &block;
    set_.insert(block);
    page_of(block.key.code).begun_here.push_back(block);
    if (block.crosses_page) page_of(block.second_page).end_here.push_back(block);
    mark(block);
    ++counts_.translations;
    return block;
}

// Sets the bits of the bytes that the block depends on.
void BlockTable::mark(const Block& block) {
    const uint32_t in_first = std::min(block.guest_length, kPageSize - static_cast<uint32_t>(block.key.code.page_offset()));
    uint32_t from = 0;
    for (const LoadedImmediate& l : block.loaded) {
        map_.set(block.key.code + from, l.offset - from);
        from = l.offset + sizeof(uint32_t);
    }
    map_.set(block.key.code + from, in_first - from);
    if (block.crosses_page) map_.set(block.second_page, block.guest_length - in_first);
}

// Does the block depend on a byte of [begin, end), which lies in the page that it begins in?
static bool depends(const Block& block, GuestPhys begin, GuestPhys end) {
    const uint64_t code = block.key.code.value;
    if (begin.value >= code + block.guest_length || end.value <= code) return false;
    return std::none_of(block.loaded.begin(), block.loaded.end(), [&](const LoadedImmediate& l) {
        return begin.value >= code + l.offset && end.value <= code + l.offset + sizeof(uint32_t);
    });
}

// A block dies of this change. Is it one of an immediate?
void BlockTable::note_patch(const Block& block, GuestPhys begin, GuestPhys end) {
    if (begin.value < block.key.code.value) return;
    const auto at = static_cast<uint32_t>(begin.value - block.key.code.value);
    const auto behind = std::upper_bound(block.spots.begin(), block.spots.end(), at,
                                         [](uint32_t a, const HostSpot& s) { return a < s.guest; });
    if (behind == block.spots.begin()) return;
    const uint32_t start = std::prev(behind)->guest;
    Instruction i;
    if (decode(std::span(block.bytes).subspan(start), block.key.mode.code_size(), i) != DecodeStatus::Ok) return;
    const uint64_t immediate = block.key.code.value + start + i.immediate_offset;
    if (i.immediate_length && begin.value >= immediate && end.value <= immediate + i.immediate_length)
        patches_.note(block.key.code.value + start);
}

// A frame whose process has gone is filled with something else: each store would be heard.
bool BlockTable::is_swept(CodePage& page) {
    const uint64_t now = __rdtsc();
    page.kills = now - page.last_kill < kSweepCycles ? page.kills + 1 : 1;
    page.last_kill = now;
    return page.kills >= kSweepWrites;
}

void BlockTable::on_code_write(CodePage& page, const TraceWrite& w) {
    const auto [first, unused] = std::mismatch(w.before.begin(), w.before.end(), w.after.begin());
    if (first == w.before.end()) return;  // the same value
    const auto last = std::mismatch(w.before.rbegin(), w.before.rend(), w.after.rbegin()).first;
    const GuestPhys begin = w.address + static_cast<uint64_t>(first - w.before.begin());
    const GuestPhys end = w.address + static_cast<uint64_t>(w.before.rend() - last);
    if (!map_.any(begin, static_cast<uint32_t>(end - begin))) return;
    bool met = false;
    for (auto it = page.begun_here.begin(); it != page.begun_here.end();) {
        Block& block = *it++;
        if (!depends(block, begin, end)) continue;
        met = true;
        note_patch(block, begin, end);
        cold_code_.overwritten(block.key.code);
        kill(block);
    }
    for (auto it = page.end_here.begin(); it != page.end_here.end();) {
        Block& block = *it++;
        const uint64_t in_first = kPageSize - block.key.code.page_offset();
        if (begin >= block.second_page + (block.guest_length - in_first)) continue;
        met = true;
        kill(block);
    }
    if (met && is_swept(page)) {
        while (!page.begun_here.empty()) kill(page.begun_here.front());
        while (!page.end_here.empty()) kill(page.end_here.front());
    }
    if (page.begun_here.empty() && page.end_here.empty()) {
        page.trace.reset();
        map_.clear_page(page.address);
    } else if (!met) {  // bits of blocks that have gone since
        map_.clear_page(page.address);
        for (const Block& block : page.begun_here) mark(block);
        for (const Block& block : page.end_here) mark(block);
    }
}

void BlockTable::chain(Link& link, Block& target) {
    if (link.is_linked() || link.from->dead || target.dead) return;
    chain_to(link, target);
    if (link.other_page) other_page_links_[target.key.mode.flat() ? link_list(link.target) : kLinksNotFlat].push_back(link);
    ++counts_.chains;
}

void BlockTable::chain_to(Link& link, Block& target) {
    link.by_thunk = target.key.any_page && !link.from->key.any_page;
    if (link.by_thunk)
        engine_->write_way_in(link, target.entry());
    else
        cache_.patch_rel32(link.from->host + link.patch, target.chained_entry());
    // Forwarding jumps in front, where forward() looks first: so they never form long chains.
    const bool forwards = &link == &link.from->forward;
    target.incoming.insert(forwards ? target.incoming.begin() : target.incoming.end(), link);
}

void BlockTable::unchain(Link& link) {
    link.unlink();
    link.other_page_hook.unlink();
    if (std::exchange(link.by_thunk, false))
        engine_->write_exit(link);
    else
        cache_.patch_rel32(link.from->host + link.patch, link.from->host + link.thunk);
    ++counts_.unchains;
}

void BlockTable::unchain_other_pages() {
    for (OtherPageLinks& links : other_page_links_)
        while (!links.empty()) unchain(links.front());
}

void BlockTable::unchain_from_other_pages(GuestVirt page) {
    for (const GuestVirt target : {page, page - kPageSize}) {
        OtherPageLinks& links = other_page_links_[link_list(target)];
        for (auto next = links.begin(); next != links.end();) {
            Link& link = *next++;
            if (link.target.page() == target.page()) unchain(link);
        }
    }
    OtherPageLinks& not_flat = other_page_links_[kLinksNotFlat];
    while (!not_flat.empty()) unchain(not_flat.front());
}

// Those that jumped to a block which this one replaced lose their target too.
void BlockTable::unchain_incoming(Block& block) {
    while (!block.incoming.empty()) {
        Link& link = block.incoming.front();
        unchain(link);
        if (&link == &link.from->forward) unchain_incoming(*link.from);
    }
}

void BlockTable::abandon_to_others(Block& block) {
    for (auto next = block.incoming.begin(); next != block.incoming.end();) {
        Link& link = *next++;
        if (link.by_thunk) unchain(link);
    }
}

// The host code stays in place, since the host return stack and jump caches may still lead to it; whoever comes
// is sent to look the EIP up.
void BlockTable::retire(Block& block) {
    block.dead = true;
    set_.erase(set_.iterator_to(block));
    block.page_hook.unlink();
    block.second_page_hook.unlink();
    for (uint32_t n = 0; n < block.links; ++n)
        if (block.link[n].is_linked()) unchain(block.link[n]);
    engine_->write_forwarder(block, block.chained_entry(), block.key.eip);
    for (const uint32_t at : block.returns) engine_->write_return_forwarder(block, block.host + at);
}

void BlockTable::kill(Block& block) {
    if (block.dead) return;
    unchain_incoming(block);
    retire(block);
    ++counts_.invalidations;
}

void BlockTable::forward(Block& block, Block& by) {
    for (unsigned n = 0; n < kMostMoved && !block.incoming.empty(); ++n) {
        Link& link = block.incoming.front();
        link.unlink();
        chain_to(link, by);
    }
    const uint8_t* look_up = static_cast<const uint8_t*>(engine_->world().look_up);
    block.forward.from = &block;
    block.forward.patch = block.chained_offset + engine_->forwarder_bytes(block) - 4;
    block.forward.thunk = static_cast<int32_t>(look_up - block.host);
    chain_to(block.forward, by);
    ++counts_.replacements;
}

unsigned BlockTable::evict(const uint8_t* begin, size_t bytes) {
    unsigned evicted = 0;
    for (; Block* oldest = store_.in_the_way(begin, bytes); ++evicted) {
        Block& block = *oldest;
        if (block.dead) {
            unchain_incoming(block);
        } else {
            kill(block);
            --counts_.invalidations;
            ++counts_.evictions;
        }
        account(block, counts_);
        if (Block*& slot = by_entry_[entry_slot(block.entry())]; slot == &block) slot = nullptr;
        store_.drop_oldest();
    }
    return evicted;
}

void BlockTable::account(const Block& b, Counts& counts) const {
    const uint64_t executions = engine_->executions(b);
    counts.ident += executions * b.ident;
    counts.simulated += executions * b.simulated;
    counts.called += executions * b.called;
}

BlockTable::Counts BlockTable::counts() const {
    Counts counts = counts_;
    store_.for_each([&](const Block& block) { account(block, counts); });
    return counts;
}

}  // namespace ringfold
