// All translations, and the code traces that keep them true to the guest's bytes.
#include "translator/cache/block_table.h"

#include <algorithm>

namespace ringfold {

namespace {
constexpr size_t kBuckets = 1 << 17;
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
};

BlockTable::BlockTable(CodeCache& cache, MemoryTracer& tracer, uint64_t ram_bytes)
    : cache_(cache), tracer_(tracer), buckets_(kBuckets), set_(BlockSet::bucket_traits(buckets_.data(), kBuckets)),
      pages_(ram_bytes / kPageSize) {}

BlockTable::~BlockTable() {
    set_.clear();
}

Block* BlockTable::find(const BlockKey& key) {
    auto it = set_.find(key, [](const BlockKey& k) { return hash_value(k); }, KeyEqual{});
    return it == set_.end() ? nullptr : &*it;
}

Block* BlockTable::find_by_host(const void* pc) const {
    auto it = by_host_.upper_bound(static_cast<const uint8_t*>(pc));
    if (it == by_host_.begin()) return nullptr;
    Block* block = std::prev(it)->second.get();
    return pc < block->end() ? block : nullptr;
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

Block& BlockTable::add(std::unique_ptr<Block> owned) {
    Block& block = *owned;
    by_host_[block.host] = std::move(owned);
    set_.insert(block);
    page_of(block.key.code).begun_here.push_back(block);
    if (block.crosses_page) page_of(block.second_page).end_here.push_back(block);
    ++counts_.translations;
    return block;
}

void BlockTable::on_code_write(CodePage& page, const TraceWrite& w) {
    const auto [first, unused] = std::mismatch(w.before.begin(), w.before.end(), w.after.begin());
    if (first == w.before.end()) return;  // the same value
    const auto last = std::mismatch(w.before.rbegin(), w.before.rend(), w.after.rbegin()).first;
    const GuestPhys begin = w.address + static_cast<uint64_t>(first - w.before.begin());
    const GuestPhys end = w.address + static_cast<uint64_t>(w.before.rend() - last);
    auto meets = [&](GuestPhys from, uint64_t length) { return begin < from + length && from < end; };
    for (auto it = page.begun_here.begin(); it != page.begun_here.end();) {
        Block& block = *it++;
        if (meets(block.key.code, block.guest_length)) kill(block);
    }
    for (auto it = page.end_here.begin(); it != page.end_here.end();) {
        Block& block = *it++;
        const uint64_t in_first = kPageSize - block.key.code.page_offset();
        if (meets(block.second_page, block.guest_length - in_first)) kill(block);
    }
    if (page.begun_here.empty() && page.end_here.empty()) page.trace.reset();
}

void BlockTable::chain(Link& link, Block& target) {
    if (link.is_linked() || link.from->dead || target.dead) return;
    chain_to(link, target);
    if (link.other_page) other_page_links_.push_back(link);
    ++counts_.chains;
}

void BlockTable::chain_to(Link& link, Block& target) {
    cache_.patch_rel32(link.from->host + link.patch, target.entry());
    // Forwarding jumps in front, where forward() looks first: so they never form long chains.
    const bool forwards = &link == &link.from->forward;
    target.incoming.insert(forwards ? target.incoming.begin() : target.incoming.end(), link);
}

void BlockTable::unchain(Link& link) {
    link.unlink();
    link.other_page_hook.unlink();
    cache_.patch_rel32(link.from->host + link.patch, link.from->host + link.thunk);
    ++counts_.unchains;
}

void BlockTable::unchain_other_pages() {
    while (!other_page_links_.empty()) unchain(other_page_links_.front());
}

// Those that jumped to a block which this one replaced lose their target too.
void BlockTable::unchain_incoming(Block& block) {
    while (!block.incoming.empty()) {
        Link& link = block.incoming.front();
        unchain(link);
        if (&link == &link.from->forward) unchain_incoming(*link.from);
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
    windows::write_forwarder(cache_, block.entry(), block.key.eip.value, *stubs_);
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
    const uint8_t* look_up = static_cast<const uint8_t*>(stubs_->look_up);
    block.forward.from = &block;
    block.forward.patch = block.entry_offset + windows::kForwarderBytes - 4;
    block.forward.thunk = static_cast<int32_t>(look_up - block.host);
    chain_to(block.forward, by);
    ++counts_.replacements;
}

unsigned BlockTable::evict(const uint8_t* begin, size_t bytes) {
    auto it = by_host_.lower_bound(begin);
    if (it != by_host_.begin() && std::prev(it)->second->end() > begin) --it;
    unsigned evicted = 0;
    while (it != by_host_.end() && it->first < begin + bytes) {
        if (it->second->dead) {
            unchain_incoming(*it->second);
        } else {
            kill(*it->second);
            --counts_.invalidations;
            ++counts_.evictions;
        }
        account(*it->second, counts_);
        it = by_host_.erase(it);
        ++evicted;
    }
    return evicted;
}

void BlockTable::account(const Block& b, Counts& counts) const {
    counts.ident += b.executions * b.ident;
    counts.simulated += b.executions * b.simulated;
    counts.called += b.executions * b.called;
}

BlockTable::Counts BlockTable::counts() const {
    Counts counts = counts_;
    for (const auto& [host, block] : by_host_) account(*block, counts);
    return counts;
}

}  // namespace ringfold
