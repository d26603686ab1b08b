// A translation: the host code made from one guest basic block, and what must be known about it afterwards.
#pragma once

#include <algorithm>
#include <boost/intrusive/list.hpp>
#include <boost/intrusive/unordered_set.hpp>
#include <cstdint>
#include <cstring>
#include <forward_list>
#include <memory>
#include <memory_resource>
#include <vector>

#include "translator/adaptation/policy.h"
#include "translator/cache/mode.h"
#include "translator/decode/instruction.h"
#include "vmm/base/types.h"

namespace ringfold {

struct BlockKey {
    GuestPhys code;
    GuestVirt eip;  // within CS
    Mode mode;
    // It runs at every linear page that maps its code: `eip` is the offset in the page, VcpuContext::page_base the rest.
    bool any_page = false;

    GuestVirt linear() const { return eip + mode.segments.code_base; }
    bool operator==(const BlockKey&) const = default;
};

// The same for both forms of access, so that one walk through a bucket finds either.
inline size_t hash_value(const BlockKey& k) {
    uint64_t h = k.code.value * 0x9e3779b97f4a7c15 + k.eip.value;
    h = (h ^ (h >> 29) ^ Mode{.user = k.mode.user, .sse = k.mode.sse}.bits() ^ uint64_t{k.mode.segments.id} << 3) * 0xbf58476d1ce4e5b9;
    return h ^ (h >> 32);
}

struct Block;
namespace bi = boost::intrusive;

// A direct jump or call out of a block. It starts out leading to its own exit thunk; once the target is
// translated, it is patched to lead there, and hangs in the target's list so that it can be taken back.
struct Link : bi::list_base_hook<bi::link_mode<bi::auto_unlink>> {
    bi::list_member_hook<bi::link_mode<bi::auto_unlink>> other_page_hook;  // while chained to another page
    Block* from = nullptr;
    uint32_t patch = 0;  // host offset in `from` of the rel32 that is patched
    int32_t thunk = 0;   // host offset of where it leads while it is not chained: the exit thunk, or before the block
    GuestVirt target{};  // as the EIP in the key of `from`
    uint32_t segmentation = 0;  // of the target, for far jumps: id; 0: that of `from`
    bool other_page = false;  // leaves the page: chained only where the mapping cannot differ
    bool by_thunk = false;    // chained by its thunk, which names the EIP that the target takes its page from
};
using LinkList = bi::list<Link, bi::constant_time_size<false>>;
using OtherPageLinks =
    bi::list<Link, bi::member_hook<Link, bi::list_member_hook<bi::link_mode<bi::auto_unlink>>, &Link::other_page_hook>,
             bi::constant_time_size<false>>;

// A place in a block from which the monitor is called.
struct Site {
    Block* block = nullptr;
    uint16_t guest_offset = 0;  // of the instruction, from the block's EIP
    uint16_t next_offset = 0;   // of the next one
    uint32_t retry = 0;         // host offset where the instruction starts
    uint32_t resume = 0;        // host offset behind it; 0 behind a jump, even one to the next instruction
    Access access = Access::Read;
    uint8_t size = 0;  // bytes of the soft access
    bool second = false;  // a second access of its instruction: its TLB slot may be that of the first
    bool loaded = false;  // the instruction's immediate is in Block::loaded
    bool device = false;  // the access met device memory
    const uint8_t* hit = nullptr;  // soft accesses: host address behind the look-up, r9 the addend
    bool fpu = false;  // the code at retry and resume relies on the FPU state being loaded
    std::unique_ptr<Instruction> instruction;  // decoded when first needed
};

// Four bytes of guest code that the host code loads each time it runs: the block does not depend on them.
struct LoadedImmediate {
    uint16_t offset;        // in Block::bytes
    const uint8_t* memory;  // where they are in guest RAM
};

// Behind a call, up to what may fault, at most.
inline constexpr uint32_t kReturnCheckBytes = 16;

inline constexpr uint8_t kNoUndo = 0xff, kUndoDestination = 0xf0, kUndoBothPointers = 0xf1;

// One per guest instruction: where its host code starts.
struct HostSpot {
    uint32_t host = 0;
    uint16_t guest = 0;
    // 0 to 3: a host fault from `undo_from` on finds al/ah ... bl/bh swapped (so that a REX prefix could be used).
    // kUndoDestination, kUndoBothPointers: it finds EDI, or ESI and EDI, as host addresses in the window, and of ECX
    // what is more than a portion in VcpuContext::scratch.
    // Otherwise nothing is to be put back: sequences do their faulting access first.
    uint8_t undo = kNoUndo;
    uint32_t undo_from = 0;
    int16_t stack_lag = 0;  // at a host fault ESP is still to be moved by this
    TrapHistory traps;
};

// May the instruction there lie astride two pages? A jump to such a block is never patched in where the second page
// could come to be another, so it is looked up in the first place.
inline bool may_cross_page(GuestVirt at) { return at.page_offset() > kPageSize - kMaxInstructionLength; }

struct Block : bi::unordered_set_base_hook<bi::link_mode<bi::auto_unlink>> {
    // What it grows by comes from `memory`.
    explicit Block(std::pmr::memory_resource* memory)
        : link(memory), returns(memory), sites(memory), spots(memory), bytes(memory), loaded(memory) {}

    BlockKey key{};
    uint32_t guest_length = 0;  // bytes
    GuestPhys second_page{};    // of the bytes behind the page's end; only if crosses_page
    bool crosses_page = false;
    bool global = false;        // made from pages that every address space maps alike
    bool dead = false;          // its host code forwards to the dispatcher; it is freed when that is evicted
    uint16_t instructions = 0;
    uint16_t ident = 0, simulated = 0, called = 0;  // guest instructions by what was emitted for them

    const uint8_t* host = nullptr;  // executable address of its code
    uint32_t entry_offset = 0;      // where it is entered by who has looked it up; with BlockKey::any_page, r8d is the EIP
    uint32_t chained_offset = 0;    // ... and by jumps that are chained, within the page: behind what takes note of the EIP
    uint32_t host_length = 0;

    std::pmr::vector<Link> link;  // sized once: links hang in lists
    uint32_t links = 0;          // of them in use
    LinkList incoming;
    Link forward;                // once dead and replaced: the jump at its entry to what replaced it
    std::pmr::vector<uint32_t> returns;  // host offsets behind calls, where RET leads; ascending
    std::pmr::forward_list<Site> sites;  // the latest first
    std::pmr::vector<HostSpot> spots;
    std::pmr::vector<uint8_t> bytes;  // the guest code it was made from
    std::pmr::vector<LoadedImmediate> loaded;  // ascending
    uint64_t executions = 0;     // counted only with profiling on
    uint32_t heat = 0;           // executions left until it is looked at again; 0: not counted
    uint32_t full_heat = 0;      // what `heat` last counted down from

    bi::list_member_hook<bi::link_mode<bi::auto_unlink>> page_hook, second_page_hook;

    // Before `bytes` is decoded.
    void refresh_loaded() {
        for (const LoadedImmediate& l : loaded) memcpy(&bytes[l.offset], l.memory, sizeof(uint32_t));
    }
    // Is that host offset, of a fault, where what a call returns with is checked?
    bool is_behind_call(uint32_t offset) const {
        const auto r = std::upper_bound(returns.begin(), returns.end(), offset);
        return r != returns.begin() && offset - r[-1] < kReturnCheckBytes;
    }
    const uint8_t* entry() const { return host + entry_offset; }
    const uint8_t* chained_entry() const { return host + chained_offset; }
    const uint8_t* end() const { return host + host_length; }
    GuestVirt end_eip() const { return key.eip + guest_length; }
};

}  // namespace ringfold
