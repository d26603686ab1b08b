// What a change to a page-table entry costs an address space: never more than what relied on that entry.
#include "shadowmmu/address_space.h"

#include <algorithm>
#include <utility>

namespace ringfold {

namespace {

constexpr uint64_t kPresent = 1, kWritable = 2, kUser = 4, kAccessed = 0x20, kDirty = 0x40, kLarge = 0x80,
                   kNoExecute = uint64_t{1} << 63;
constexpr uint64_t kFrameAndReserved = 0x7ffffffffffff000;

struct Loss {
    bool everything;  // the entry leads elsewhere, or grants less than a read needs
    bool structure;   // ... and it is another table or page now
    bool writing;
};

// What cached translations lose when an entry changes. Gaining a permission loses nothing: a miss walks again.
// Losing A or D counts, so that the next access sets it again.
Loss compare(uint64_t before, uint64_t after, bool directory) {
    if (!(before & kPresent)) return {};
    if (!(after & kPresent)) return {true, true, true};
    const uint64_t lost = before & ~after, changed = before ^ after;
    const bool structure = (changed & kFrameAndReserved) || (directory && (changed & kLarge));
    const bool everything = structure || (lost & (kUser | kAccessed)) || (changed & after & kNoExecute);
    return {everything, structure, everything || (lost & (kWritable | kDirty))};
}

}  // namespace

AddressSpace::Key AddressSpace::Key::of(const CpuState& cpu) {
    if (!cpu.paging()) return {};
    const bool pae = cpu.cr4 & cr4::PAE;
    return {.cr3 = cpu.cr3 & (pae ? ~0x1fu : ~0xfffu), .paging = true, .pae = pae};
}

AddressSpace::AddressSpace(PageTableTraces& traces, unsigned n)
    : number(n), traces_(traces), table_(kMostDirectoryEntries) {
    for (auto& use : directory_) use.space = this, use.directory = true;
    for (auto& use : table_) use.space = this;
}

AddressSpace::~AddressSpace() {
    forget();
}

void AddressSpace::forget() {
    for (size_t i = relied_on_._Find_first(); i < relied_on_.size(); i = relied_on_._Find_next(i))
        release_directory_entry(static_cast<uint32_t>(i));
    if (window) window->owner = nullptr;
    window = nullptr;
    forget_stale_pages();
    slots_aside.clear();
    note = {};
    for_own_views([](CachedView& view) {
        view.drop_all();
        view.drop_jumps();
    });
}

void AddressSpace::assign(const CpuState& cpu) {
    forget();
    key_ = Key::of(cpu);
    pdpte_ = cpu.pdpte;
    const uint8_t entry_bytes = key_.pae ? 8 : 4;
    for (uint32_t i = 0; i < directory_.size(); ++i)
        directory_[i].linear = key_.pae ? i << 30 : 0, directory_[i].entry_bytes = entry_bytes;
    for (uint32_t i = 0; i < table_.size(); ++i)
        table_[i].linear = i << entry_shift(), table_[i].entry_bytes = entry_bytes;
}

void AddressSpace::rely_on(GuestVirt a, const Mapping& mapping) {
    if (mapping.levels == 0) return;
    TableUse& directory = directory_[key_.pae ? a.value >> 30 : 0];
    if (!directory.page) traces_.add(directory, mapping.entry[0].page());
    const uint32_t entry = a.value >> entry_shift();
    relied_on_.set(entry);
    if (mapping.levels < 2) return;
    TableUse& table = table_[entry];
    if (!table.page) traces_.add(table, mapping.entry[1].page());
    traces_.synchronise(table, static_cast<uint32_t>(mapping.entry[1].page_offset()) / table.entry_bytes);
}

void AddressSpace::synchronise(GuestVirt a, uint32_t pages) {
    const TableUse& table = table_[a.value >> entry_shift()];
    const uint32_t entries = kPageSize / table.entry_bytes;
    if (table.page) traces_.synchronise(table, a.page_number() & (entries - 1), pages);
}

CodeLoss AddressSpace::refresh_pdptes(const CpuState& cpu) {
    CodeLoss code_lost;
    if (!key_.pae) return code_lost;
    for (uint32_t i = 0; i < pdpte_.size(); ++i) {
        if (pdpte_[i] == cpu.pdpte[i]) continue;
        pdpte_[i] = cpu.pdpte[i];
        for (uint32_t entry = i * 512; entry < (i + 1) * 512; ++entry)
            if (relied_on_[entry]) release_directory_entry(entry);
        if (directory_[i].page) traces_.remove(directory_[i]);
        code_lost |= drop(GuestVirt(i << 30), uint64_t{1} << 30);
    }
    return code_lost;
}

CodeLoss AddressSpace::entry_changed(TableUse& use, uint32_t index, uint64_t before, uint64_t after) {
    const Loss loss = compare(before, after, use.directory);
    const unsigned shift = use.directory ? entry_shift() : 12;
    const GuestVirt from(use.linear + (index << shift));
    CodeLoss code_lost;
    if (use.directory && !relied_on_[from.value >> shift]) return code_lost;
    const uint64_t bytes = uint64_t{1} << shift;
    if (loss.everything)
        code_lost = drop(from, bytes);
    else if (loss.writing)
        drop_writing(from, bytes);
    if (use.directory && loss.structure) release_directory_entry(from.value >> shift);
    return code_lost;
}

CodeLoss AddressSpace::drop(GuestVirt from, uint64_t bytes) {
    if (window) note_stale(from, bytes);
    slots_aside.clear();
    const bool one_page = bytes == kPageSize;
    for (CachedView* view : {&user, supervisor.get(), shared})
        if (view) one_page ? view->drop_page(from) : view->drop_range(from, bytes);
    // The shared view's code is rechecked at each load of CR3.
    const auto drop_code = [&](CachedView* view) {
        const bool lost = view && (one_page ? view->has_code(from) : view->has_code(from, bytes));
        if (lost) view->drop_jumps();
        return lost;
    };
    return {drop_code(&user), drop_code(supervisor.get())};
}

void AddressSpace::drop_writing(GuestVirt from, uint64_t bytes) {
    if (window) note_stale(from, bytes);
    slots_aside.clear();
    for (CachedView* view : {&user, supervisor.get(), shared})
        if (view) bytes == kPageSize ? view->drop_write(from) : view->drop_write_range(from, bytes);
}

void AddressSpace::note_stale(GuestVirt from, uint64_t bytes) {
    const uint32_t end = static_cast<uint32_t>((from.value + bytes) / kPageSize);
    for (uint32_t page = from.page_number(); page < end && !all_stale_; ++page) {
        if (window->mapped_near(page) == 0)
            page |= Window::kRegionPages - 1;
        else if (window->mapped(page))
            stale_.push_back(page);
        all_stale_ = stale_.size() > kMostStalePages;
    }
}

std::vector<uint32_t> AddressSpace::take_stale_pages() {
    std::vector<uint32_t> pages = std::exchange(stale_, {});
    std::sort(pages.begin(), pages.end());
    pages.erase(std::unique(pages.begin(), pages.end()), pages.end());
    return pages;
}

bool AddressSpace::is_stale(uint32_t page) const {
    return all_stale_ || std::find(stale_.begin(), stale_.end(), page) != stale_.end();
}

void AddressSpace::forget_stale_pages() {
    stale_.clear();
    all_stale_ = false;
}

// Nothing cached comes from this directory entry any more. A space with no such entry left needs no traces at
// all, so a dead process's page directory is soon an ordinary page again.
void AddressSpace::release_directory_entry(uint32_t entry) {
    relied_on_.reset(entry);
    if (table_[entry].page) traces_.remove(table_[entry]);
    if (relied_on_.any()) return;
    note = {};
    for (auto& use : directory_)
        if (use.page) traces_.remove(use);
}

}  // namespace ringfold
