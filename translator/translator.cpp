// Guest code to a block.
//
// A block is a straight run of guest code: a conditional branch not taken goes on within it (so the jump that would
// lead there is not even emitted), and so does a call that returns; any other transfer ends it. It never goes beyond its
// page: an instruction astride two is a block of its own, so that no other is kept from being chained to for its sake.
#include "translator/translator.h"

#include <x86intrin.h>

#include "translator/classify/classifier.h"
#include "translator/dump.h"
#include "vmm/base/log.h"

namespace ringfold {

namespace {
constexpr size_t kMaxInstructions = 64;
constexpr size_t kMaxBlockBytes = 64 * 1024;  // of host code; more than any block can need
constexpr size_t kEvictedAtOnce = 16;         // the fraction of the code cache that is freed in one go
}  // namespace

// The guest bytes that a block is made from.
struct Translator::Source {
    const uint8_t* page = nullptr;  // the rest of the first page
    uint32_t page_bytes = 0;
    uint32_t used = 0;
    bool global = false;
    bool crosses = false;
    GuestPhys second_page{};
};

Translator::Translator(GuestMemory& memory, Engine& engine, BlockTable& table, const EmitOptions& options,
                       const Adaptation& adaptation, DecodeMemo& memo)
    : memory_(memory),
      engine_(engine),
      cache_(engine.cache()),
      table_(table),
      options_(options),
      adaptation_(adaptation),
      memo_(memo),
      emitter_(engine.make_emitter(options)) {
    emit_.adaptation = &adaptation;
    emit_.patches = &table.patches();
}

bool Translator::fetch_second_page(const BlockKey& key, Source& source) {
    const GuestVirt next = key.linear().page() + kPageSize;
    if (key.mode.flat() && next.value == 0) return false;  // beyond the limit of CS: the interpreter's
    const auto answer = memory_.code_mapping(next, key.mode.privilege());
    const auto* mapping = std::get_if<Mapping>(&answer);
    if (!mapping || !memory_.ram().contains(mapping->physical)) return false;
    source.crosses = true;
    source.second_page = mapping->physical;
    source.global = source.global && mapping->global;
    memory_.note_code_page(next, key.mode.privilege(), *mapping);
    return true;
}

bool Translator::decode_next(const BlockKey& key, Source& source, Instruction& out) {
    const uint32_t left = source.page_bytes - source.used;
    if (left == 0) return false;
    switch (memo_.decode({source.page + source.used, left}, key.mode.code_size(), out)) {
        case DecodeStatus::Ok: return true;
        case DecodeStatus::TooLong: return false;
        case DecodeStatus::Truncated: break;
    }
    const bool first = source.used == 0;
    if (!first || left >= kMaxInstructionLength || !fetch_second_page(key, source)) return false;
    uint8_t bytes[kMaxInstructionLength];
    memcpy(bytes, source.page + source.used, left);
    memcpy(bytes + left, memory_.ram().host(source.second_page), sizeof bytes - left);
    return memo_.decode(bytes, key.mode.code_size(), out) == DecodeStatus::Ok;
}

Block* Translator::translate(const BlockKey& key, GuestVirt eip, const Mapping& mapping) {
    if (!memory_.ram().contains(key.code)) return nullptr;
    Source source;
    source.page = memory_.ram().host(key.code);
    source.page_bytes = kPageSize - key.code.page_offset();
    source.global = mapping.global;
    const uint64_t start = __rdtsc();
    decode_block(key, source);
    if (instructions_.empty()) return nullptr;
    auto block = emit(key, source);
    memory_.note_code_page(eip + key.mode.segments.code_base, key.mode.privilege(), mapping);
    if (log::enabled(log::InAsm) || log::enabled(log::OutAsm)) dump_block(*block, eip, instructions_, emit_.code(), engine_.code_bits());
    ++counts_.blocks;
    counts_.instructions += block->instructions;
    counts_.guest_bytes += block->guest_length;
    counts_.host_bytes += block->host_length;
    Block& added = table_.add(std::move(block));
    counts_.cycles += __rdtsc() - start;
    return &added;
}

// What reaches beyond the limit of CS, or ends where EIP would wrap, is the interpreter's.
bool Translator::within_code_segment(const BlockKey& key, uint32_t bytes) {
    if (key.mode.flat()) return true;
    const uint64_t end = uint64_t{key.eip.value} + bytes;
    return end - 1 <= key.mode.segments.code_limit && end <= (key.mode.segments.code16 ? 0xffff : 0xffffffff);
}

void Translator::decode_block(const BlockKey& key, Source& source) {
    instructions_.clear();
    while (instructions_.size() < kMaxInstructions && !source.crosses) {
        Instruction& i = instructions_.emplace_back();
        if (!decode_next(key, source, i) || !within_code_segment(key, source.used + i.length)) {
            instructions_.pop_back();
            break;
        }
        source.used += i.length;
        const EmitKind kind = i.row->emit;
        const bool ends = kind == EmitKind::stop || kind == EmitKind::jump || kind == EmitKind::ret ||
                          kind == EmitKind::interrupt || kind == EmitKind::iret ||
                          kind == EmitKind::sysenter || kind == EmitKind::sysexit || kind == EmitKind::jump_far ||
                          kind == EmitKind::ret_far;
        const bool call = kind == EmitKind::call || kind == EmitKind::call_far;
        const bool counted = options_.profile && (kind == EmitKind::jcc || call);
        if (ends || counted) break;
    }
}

// A short block of hot code lies in as few of the host's lines as it can: one more costs an interpreter's loop a third. A longer
// one begins in the middle of a line: small loops lose up to 40 % at its start and, by luck, at its quarters (measured on Zen 5).
size_t Translator::place_of(const BlockKey& key, const Source& source) {
    constexpr uint32_t kShort = 32;
    if (!key.mode.user || !key.mode.direct) return kAnywhere;
    return source.used <= kShort ? 0 : CodeCache::kLine / 2;
}

const uint8_t* Translator::make_room(size_t place) {
    // From where the last block ended: a small old one may lie in what the alignment skips, and must not be passed over.
    constexpr size_t kRoom = kMaxBlockBytes + 2 * CodeCache::kLine;
    const uint8_t* at = cache_.reserve(kRoom);
    if (evicted_until_ == nullptr || at < evicted_until_ - cache_.capacity() / kEvictedAtOnce) evicted_until_ = at;
    if (at + kRoom > evicted_until_) {
        const size_t bytes = cache_.capacity() / kEvictedAtOnce;
        if (table_.evict(at, bytes) && on_eviction) on_eviction();
        evicted_until_ = at + bytes;
    }
    if (place == kAnywhere) return cache_.reserve(kMaxBlockBytes);
    return cache_.reserve(kMaxBlockBytes + CodeCache::kLine, CodeCache::kLine) + place;
}

unsigned Translator::worst_convictions(const BlockKey& key) const {
    unsigned worst = 0;
    uint64_t at = key.code.value;
    for (const Instruction& i : instructions_) {
        worst = std::max(worst, adaptation_.convictions(at));
        at += i.length;
    }
    return worst;
}

// What an emitter ended depends on no byte behind that.
void Translator::end_at(Block& block, GuestVirt eip) {
    block.guest_length = eip - block.key.eip;
    block.bytes.resize(block.guest_length);
}

BlockStore::Owned Translator::emit(const BlockKey& key, const Source& source) {
    auto block = table_.make_block();
    block->key = key;
    block->guest_length = source.used;
    block->global = source.global && !key.any_page;
    if (key.mode.flat())
        block->heat = block->full_heat = adaptation_.heat(key.mode, key.mode.direct ? worst_convictions(key) : 0);
    block->crosses_page = source.crosses;
    block->second_page = source.second_page;
    block->bytes.reserve(source.used);
    size_t branches = 2;  // the fall-through, and a jump at the end
    for (const Instruction& i : instructions_) {
        block->bytes.insert(block->bytes.end(), i.bytes.begin(), i.bytes.begin() + i.length);
        branches += i.row->emit == EmitKind::jcc || i.row->emit == EmitKind::loop || i.row->emit == EmitKind::call ||
                    i.row->emit == EmitKind::call_far;
    }
    block->link.resize(branches);
    block->spots.reserve(instructions_.size() + 1);

    const uint8_t* host = make_room(place_of(key, source));
    emit_.begin(*block, host, source.page);
    GuestVirt eip = key.eip;
    bool goes_on = true;
    for (const Instruction& i : instructions_) {
        goes_on = emit_.instruction(i, eip, &i == &instructions_.back() ? nullptr : &i + 1);
        eip += i.length;
        if (!goes_on) break;
    }
    if (goes_on)
        emit_.fall_through(eip);
    else if (!source.crosses)
        end_at(*block, eip);
    emit_.finish();
    const auto code = emit_.code();
    cache_.commit(host, code.data(), code.size());
    return block;
}

}  // namespace ringfold
