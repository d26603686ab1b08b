// All translations: found by key and by host address, chained, and killed when the guest writes what they were
// made from.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "translator/adaptation/cold_code.h"
#include "translator/cache/block_store.h"
#include "translator/cache/code_cache.h"
#include "translator/cache/code_map.h"
#include "translator/cache/patch_history.h"
#include "tracing/memory_trace.h"

namespace ringfold {

class Engine;

class BlockTable {
public:
    BlockTable(CodeCache& cache, MemoryTracer& tracer, uint64_t ram_bytes);
    ~BlockTable();

    void set_engine(Engine* engine) { engine_ = engine; }

    Block* find(const BlockKey& key);
    Block* find_by_host(const void* pc) const;  // dead ones too
    Block* find_by_entry(const void* pc);       // the same, for where a block is entered, and faster
    // A block to be filled, and then added: taken in, its bytes watched.
    BlockStore::Owned make_block() { return store_.make(); }
    Block& add(BlockStore::Owned block);

    // Patches the link to lead to the target.
    void chain(Link& link, Block& target);
    // Takes every link back that leaves its page: the mapping that justified it has changed.
    void unchain_other_pages();
    // ... that leads to this linear page, or to what may begin on the page before.
    void unchain_from_other_pages(GuestVirt page);

    // Frees all blocks whose host code meets the range. Returns their number; if not 0, no pointer to host code
    // may be kept anywhere.
    unsigned evict(const uint8_t* begin, size_t bytes);
    // Makes a block unfindable; its host code forwards to the dispatcher until it is evicted.
    void kill(Block& block);
    // The same, but jumps to it stay chained: it is about to be replaced.
    void retire(Block& block);
    // Has a retired block's host code lead to `by`, a translation of the same code, for as long as that lives. What it
    // costs does not depend on how many blocks jump here: all but a few go on doing so.
    void forward(Block& retired, Block& by);
    // Nothing replaces it for all who come: takes the jumps to a retired block back.
    void abandon(Block& retired) { unchain_incoming(retired); }
    // Some have a better translation than this one, which stays: jumps from code that is theirs look anew.
    void abandon_to_others(Block& block);

    const CodeMap& code_map() const { return map_; }
    const PatchHistory& patches() const { return patches_; }
    ColdCode& cold_code() { return cold_code_; }

    struct Counts {
        uint64_t translations = 0, chains = 0, unchains = 0, invalidations = 0, replacements = 0, evictions = 0;
        // Guest instructions executed, by what was emitted for them; of blocks that are gone. Profiling only.
        uint64_t ident = 0, simulated = 0, called = 0;
    };
    Counts counts() const;

private:
    struct CodePage;
    using BlockSet = bi::unordered_set<Block, bi::constant_time_size<false>>;

    CodePage& page_of(GuestPhys);
    void on_code_write(CodePage& page, const TraceWrite& write);
    static bool is_swept(CodePage& page);
    static size_t entry_slot(const void* pc) { return reinterpret_cast<uintptr_t>(pc) / 16 % kEntrySlots; }
    void mark(const Block& block);
    void note_patch(const Block& block, GuestPhys begin, GuestPhys end);
    void chain_to(Link& link, Block& target);
    void unchain(Link& link);
    void unchain_incoming(Block& block);
    void account(const Block& block, Counts& counts) const;

    CodeCache& cache_;
    MemoryTracer& tracer_;
    Engine* engine_ = nullptr;
    // By linear page, and one for links to code that is not flat. Before the blocks: links leave them when they die.
    static constexpr size_t kLinkLists = 256, kLinksNotFlat = kLinkLists;
    static size_t link_list(GuestVirt page) { return page.page_number() % kLinkLists; }
    std::array<OtherPageLinks, kLinkLists + 1> other_page_links_;
    std::vector<BlockSet::bucket_type> buckets_;
    BlockSet set_;
    BlockStore store_;
    static constexpr size_t kEntrySlots = 1 << 19;
    std::vector<Block*> by_entry_ = std::vector<Block*>(kEntrySlots);  // the latest, for find_by_entry()
    std::vector<std::unique_ptr<CodePage>> pages_;
    CodeMap map_;
    PatchHistory patches_;
    ColdCode cold_code_;
    Counts counts_;
};

}  // namespace ringfold
