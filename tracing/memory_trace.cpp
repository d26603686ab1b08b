// The registry behind memory_trace(): which traces lie on which guest physical page, and who is told of a write.
#include "tracing/memory_trace.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <boost/intrusive/list.hpp>

namespace ringfold {

namespace {
using Hook = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>;
constexpr uint8_t bit_of(TraceKind kind) {
    return static_cast<uint8_t>(1u << static_cast<unsigned>(kind));
}
}  // namespace

// One trace. It has a node in the list of every page that its range touches; nearly always that is one page.
struct Trace::Entry {
    struct Node : Hook {
        Entry* owner = nullptr;
        uint64_t page_number = 0;
    };

    uint64_t begin, end;
    TraceKind kind;
    bool dead = false;
    TraceHandler handler;
    Node first;
    std::vector<Node> more;  // pages behind the first one

    template <class F>
    void for_each_node(F f) {
        if (!first.owner) return;
        f(first);
        for (Node& n : more) f(n);
    }
};

struct MemoryTracer::Impl {
    struct Page {
        boost::intrusive::list<Trace::Entry::Node, boost::intrusive::constant_time_size<false>> nodes;
        std::array<uint32_t, kTraceKinds> live{};  // entries of each kind that are not dead
    };

    explicit Impl(uint64_t ram_bytes) : kinds(ram_bytes / kPageSize), pages(ram_bytes / kPageSize) {}
    ~Impl() {
        for (auto& page : pages)
            if (page) page->nodes.clear();
    }

    void link(Trace::Entry::Node& node, PageGuard* guard);
    void bury(Trace::Entry* entry);

    std::vector<uint8_t> kinds;                // by page number: the bit set that traced() looks at
    std::vector<std::unique_ptr<Page>> pages;  // made when a page is first traced, then kept
    std::vector<Trace::Entry*> graveyard;      // dropped while a notify() may be standing on them
    std::function<void(GuestPhys)> first_write;
    unsigned notifying = 0;
    Counts counts;
};

MemoryTracer::MemoryTracer(uint64_t ram_bytes) : impl_(std::make_unique<Impl>(ram_bytes)) {
    kinds_ = impl_->kinds.data();
    page_count_ = impl_->kinds.size();
}

MemoryTracer::~MemoryTracer() = default;

Trace MemoryTracer::memory_trace(GuestPhys address, uint32_t length, TraceKind kind, TraceHandler handler) {
    const uint64_t ram_end = page_count_ * kPageSize;
    const uint64_t begin = std::min(address.value, ram_end);
    const uint64_t end = std::min(begin + length, ram_end);
    auto* entry = new Trace::Entry{.begin = begin, .end = end, .kind = kind, .handler = std::move(handler)};
    if (begin == end) return Trace(this, entry);

    const uint64_t first_page = begin / kPageSize, last_page = (end - 1) / kPageSize;
    entry->more.resize(last_page - first_page);
    entry->first.owner = entry;
    uint64_t number = first_page;
    entry->for_each_node([&](Trace::Entry::Node& node) {
        node.owner = entry;
        node.page_number = number++;
        impl_->link(node, guard_);
    });
    return Trace(this, entry);
}

void MemoryTracer::Impl::link(Trace::Entry::Node& node, PageGuard* guard) {
    auto& page = pages[node.page_number];
    if (!page) page = std::make_unique<Impl::Page>();
    // In front: a notify() that is under way does not meet a trace which its handlers make.
    page->nodes.push_front(node);
    ++page->live[static_cast<size_t>(node.owner->kind)];
    uint8_t& bits = kinds[node.page_number];
    const bool newly = bits == 0;
    bits |= bit_of(node.owner->kind);
    if (!newly) return;
    ++counts.pages;
    if (guard) guard->protect(GuestPhys(node.page_number * kPageSize));
}

void MemoryTracer::watch_first_writes(GuestPhys first, uint32_t pages) {
    constexpr uint8_t kBit = bit_of(TraceKind::FirstWrite);
    for (uint64_t n = first.page_number(); n < first.page_number() + pages && n < page_count_; ++n) {
        if (impl_->kinds[n] == 0) ++impl_->counts.pages;
        impl_->kinds[n] |= kBit;
    }
    if (guard_) guard_->protect(first, pages);
}

void MemoryTracer::on_first_write(std::function<void(GuestPhys)> handler) {
    impl_->first_write = std::move(handler);
}

bool MemoryTracer::tell_first_write(GuestPhys page, TraceRoad road) {
    uint8_t& kinds = impl_->kinds[page.page_number()];
    kinds &= static_cast<uint8_t>(~bit_of(TraceKind::FirstWrite));
    ++impl_->counts.handled[static_cast<size_t>(TraceKind::FirstWrite)][static_cast<size_t>(road)];
    if (kinds == 0) {
        --impl_->counts.pages;
        if (guard_) guard_->unprotect(page.page());
    }
    if (impl_->first_write) impl_->first_write(page.page());
    return true;
}

void MemoryTracer::drop(Trace::Entry* entry) {
    entry->dead = true;
    entry->for_each_node([&](Trace::Entry::Node& node) {
        auto& live = impl_->pages[node.page_number]->live[static_cast<size_t>(entry->kind)];
        if (--live) return;
        uint8_t& kinds = impl_->kinds[node.page_number];
        kinds &= static_cast<uint8_t>(~bit_of(entry->kind));
        if (kinds) return;
        --impl_->counts.pages;
        if (guard_) guard_->unprotect(GuestPhys(node.page_number * kPageSize));
    });
    if (impl_->notifying)
        impl_->graveyard.push_back(entry);
    else
        impl_->bury(entry);
}

void MemoryTracer::Impl::bury(Trace::Entry* entry) {
    entry->for_each_node([&](Trace::Entry::Node& node) {
        auto& nodes = pages[node.page_number]->nodes;
        nodes.erase(nodes.iterator_to(node));
    });
    delete entry;
}

void MemoryTracer::notify(const TraceWrite& write) {
    const bool first = first_write(write.address, write.road);
    if (!traced(write.address)) return;
    const uint64_t begin = write.address.value, end = begin + write.length();
    const auto road = static_cast<size_t>(write.road);
    bool met = false;
    ++impl_->notifying;
    for (Trace::Entry::Node& node : impl_->pages[write.address.page_number()]->nodes) {
        Trace::Entry& entry = *node.owner;
        if (entry.dead || begin >= entry.end || end <= entry.begin) continue;
        met = true;
        ++impl_->counts.handled[static_cast<size_t>(entry.kind)][road];
        entry.handler(write);
    }
    if (!met && !first) ++impl_->counts.beside[road];
    if (--impl_->notifying || impl_->graveyard.empty()) return;
    for (Trace::Entry* entry : std::exchange(impl_->graveyard, {})) impl_->bury(entry);
}

const MemoryTracer::Counts& MemoryTracer::counts() const {
    return impl_->counts;
}

Trace::Trace(Trace&& other) noexcept
    : tracer_(std::exchange(other.tracer_, nullptr)), entry_(std::exchange(other.entry_, nullptr)) {}

Trace& Trace::operator=(Trace&& other) noexcept {
    if (this != &other) {
        reset();
        tracer_ = std::exchange(other.tracer_, nullptr);
        entry_ = std::exchange(other.entry_, nullptr);
    }
    return *this;
}

Trace::~Trace() {
    reset();
}

void Trace::reset() {
    if (!tracer_) return;
    tracer_->drop(entry_);
    tracer_ = nullptr;
    entry_ = nullptr;
}

}  // namespace ringfold
