// Multiboot 1 (specification 0.6.96): ELF32 images and "flat" ones whose header says where they load.
#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "vmm/base/result.h"
#include "vmm/loader.h"

namespace ringfold {

namespace {

constexpr uint32_t kHeaderMagic = 0x1badb002, kBootMagic = 0x2badb002;
constexpr uint32_t kSearched = 8192;
constexpr uint32_t kFlagAddresses = 1u << 16, kFlagsUnderstood = 0b111;  // page-aligned modules, memory map, video
constexpr uint32_t kInfoMemory = 1, kInfoCommandLine = 4, kInfoModules = 8, kInfoMap = 0x40, kInfoLoaderName = 0x200;
constexpr uint32_t kInfoBytes = 88, kMapEntryBytes = 24, kModuleBytes = 16, kGdtBytes = 24;
constexpr uint64_t kLowMemoryEnd = 0x9fc00, kHighMemory = 0x100000;
constexpr uint16_t kCode = 0x08, kData = 0x10;
constexpr char kLoaderName[] = "ringfold";

struct Segment {
    uint64_t address, memory_bytes;  // the part behind the file's bytes is zero
    uint64_t file_offset, file_bytes;
    uint64_t end() const { return address + memory_bytes; }
};
struct Module {
    Image image;
    std::string arguments;
    uint64_t address = 0;
};

// Is it RAM that a boot loader may use?
bool usable(uint64_t start, uint64_t end, uint64_t ram_bytes) {
    return start <= end && (end <= kLowMemoryEnd || (start >= kHighMemory && end <= ram_bytes));
}

// Where things go behind the kernel, one after the other, page by page.
class Allocator {
public:
    Allocator(uint64_t start, uint64_t ram_bytes) : next_(start), ram_bytes_(ram_bytes) {}
    std::optional<uint64_t> take(uint64_t bytes) {
        uint64_t at = (next_ + 0xfff) & ~uint64_t{0xfff};
        if (!usable(at, at + bytes, ram_bytes_)) at = std::max(at, kHighMemory);
        if (!usable(at, at + bytes, ram_bytes_)) return std::nullopt;
        next_ = at + bytes;
        return at;
    }

private:
    uint64_t next_, ram_bytes_;
};

class MultibootLoader final : public Loader {
public:
    MultibootLoader(Image kernel, uint32_t header, const KernelFiles&, uint64_t ram_bytes);
    void place(Ram&, CpuState&) const override;

private:
    void read_flat(uint32_t header);
    void read_elf();
    void check_segments() const;
    void read_modules(const std::string& list);
    uint32_t info_bytes() const;
    void write_info(Ram&) const;

    Image kernel_;
    std::vector<Segment> segments_;
    std::vector<Module> modules_;
    std::string command_line_;
    uint64_t ram_bytes_;
    uint32_t entry_ = 0;
    uint32_t info_ = 0;  // the information structure, and behind it what it points to; the GDT is the last
};

MultibootLoader::MultibootLoader(Image kernel, uint32_t header, const KernelFiles& files, uint64_t ram_bytes)
    : kernel_(std::move(kernel)),
      command_line_(files.kernel + (files.append.empty() ? "" : " " + files.append)),
      ram_bytes_(ram_bytes) {
    const uint32_t flags = kernel_.u32(header + 4);
    if (const uint32_t unknown = flags & 0xffff & ~kFlagsUnderstood)
        kernel_.fail(fmt::format(
            "its Multiboot header demands features that I do not have (flags {:#x}); build it without them", unknown));
    if (flags & kFlagAddresses)
        read_flat(header);
    else
        read_elf();
    check_segments();

    uint64_t end = 0;
    for (const Segment& s : segments_) end = std::max(end, s.end());
    Allocator room(end, ram_bytes_);
    read_modules(files.initrd);
    for (Module& m : modules_) {
        const auto at = room.take(m.image.size());
        if (!at) m.image.fail("it does not fit into the guest's memory behind the kernel; give more with -m");
        m.address = *at;
    }
    const auto at = room.take(info_bytes());
    if (!at) kernel_.fail("no room behind it for the boot information; give more memory with -m");
    info_ = static_cast<uint32_t>(*at);
}

// Specification 3.1.3: the address fields of the header.
void MultibootLoader::read_flat(uint32_t header) {
    const uint32_t header_address = kernel_.u32(header + 12), load = kernel_.u32(header + 16),
                   load_end = kernel_.u32(header + 20), bss_end = kernel_.u32(header + 24);
    entry_ = kernel_.u32(header + 28);
    if (load > header_address || header_address - load > header)
        kernel_.fail("the load address in its Multiboot header lies before the file's start; build it again");
    const uint32_t start = header - (header_address - load);
    const uint64_t file_bytes = load_end ? uint64_t{load_end} - load : kernel_.size() - start;
    if (load_end && load_end < load) kernel_.fail("its Multiboot header ends before it begins; build it again");
    if (!kernel_.holds(start, file_bytes))
        kernel_.fail("truncated: shorter than its Multiboot header says; fetch or build it again");
    const uint64_t end = std::max<uint64_t>(load + file_bytes, bss_end);
    segments_.push_back({load, end - load, start, file_bytes});
}

void MultibootLoader::read_elf() {
    constexpr uint32_t kElfMagic = 0x464c457f, kPtLoad = 1;
    if (kernel_.u32(0) != kElfMagic || kernel_.u8(4) != 1 || kernel_.u8(5) != 1 || kernel_.u16(18) != 3)
        kernel_.fail("a Multiboot image that is neither flat nor a 32-bit x86 ELF file; build it as one of these");
    entry_ = kernel_.u32(24);
    const uint64_t table = kernel_.u32(28);
    const uint32_t stride = kernel_.u16(42), count = kernel_.u16(44);
    if (stride < 32) kernel_.fail("its ELF program headers have an impossible size; build it again");
    bool entry_is_physical = false;
    for (uint32_t i = 0; i < count; ++i) {
        const uint64_t p = table + uint64_t{i} * stride;
        if (kernel_.u32(p) != kPtLoad) continue;
        const uint32_t offset = kernel_.u32(p + 4), virt = kernel_.u32(p + 8), phys = kernel_.u32(p + 12);
        const uint32_t file_bytes = kernel_.u32(p + 16), memory_bytes = kernel_.u32(p + 20);
        if (memory_bytes == 0) continue;
        if (file_bytes > memory_bytes)
            kernel_.fail("an ELF segment is larger in the file than in memory; build it again");
        kernel_.slice(offset, file_bytes);
        segments_.push_back({phys, memory_bytes, offset, file_bytes});
        // The entry is meant as a physical address, but kernels linked high give a virtual one.
        if (!entry_is_physical && kernel_.u32(24) >= virt && kernel_.u32(24) - virt < memory_bytes) {
            entry_ = kernel_.u32(24) - virt + phys;
            entry_is_physical = true;
        }
    }
}

void MultibootLoader::check_segments() const {
    if (segments_.empty()) kernel_.fail("it has nothing to load; build it again");
    uint64_t total = 0;
    for (const Segment& s : segments_) {
        total += s.memory_bytes;
        if (!usable(s.address, s.end(), ram_bytes_))
            kernel_.fail(
                fmt::format("loads at {:#x} to {:#x}, which is not all usable memory (below {:#x}, or {:#x} to {:#x}); "
                            "give more memory with -m or link it elsewhere",
                            s.address, s.end(), kLowMemoryEnd, kHighMemory, ram_bytes_));
    }
    // Segments that lie on each other could make a small file take hours to load.
    if (total > ram_bytes_) kernel_.fail("its segments hold more than the guest's memory; give more with -m");
}

// "FILE ARGUMENTS,FILE,...", as QEMU has it.
void MultibootLoader::read_modules(const std::string& list) {
    size_t at = 0;
    while (at < list.size()) {
        const size_t comma = std::min(list.find(',', at), list.size());
        const std::string text = list.substr(at, comma - at);
        at = comma + 1;
        const std::string path = text.substr(0, text.find(' '));
        modules_.push_back({Image::read("-initrd", path, ram_bytes_), text});
    }
}

uint32_t MultibootLoader::info_bytes() const {
    uint64_t bytes = kInfoBytes + 3 * kMapEntryBytes + modules_.size() * kModuleBytes + command_line_.size() + 1 +
                     sizeof kLoaderName + kGdtBytes;
    for (const Module& m : modules_) bytes += m.arguments.size() + 1;
    return static_cast<uint32_t>(bytes);
}

void MultibootLoader::place(Ram& ram, CpuState& cpu) const {
    const auto copy = [&ram](uint64_t to, std::span<const uint8_t> bytes) {
        if (!bytes.empty()) memcpy(ram.host(GuestPhys(to)), bytes.data(), bytes.size());
    };
    for (const Segment& s : segments_) {
        copy(s.address, kernel_.slice(s.file_offset, s.file_bytes));
        memset(ram.host(GuestPhys(s.address)) + s.file_bytes, 0, s.memory_bytes - s.file_bytes);
    }
    for (const Module& m : modules_) copy(m.address, m.image.slice(0, m.image.size()));
    write_info(ram);
    enter_flat_protected_mode(ram, cpu, info_ + info_bytes() - kGdtBytes, kCode, kData);
    cpu.gpr[EAX] = kBootMagic;
    cpu.gpr[EBX] = info_;
    cpu.eip = entry_;
}

void MultibootLoader::write_info(Ram& ram) const {
    uint32_t next = info_ + kInfoBytes;
    const auto put32 = [&ram](uint32_t at, uint64_t value) {
        const auto v = static_cast<uint32_t>(value);
        memcpy(ram.host(GuestPhys(at)), &v, 4);
    };
    const auto put_text = [&](const char* text, size_t size) {
        memcpy(ram.host(GuestPhys(next)), text, size);
        next += static_cast<uint32_t>(size);
        return next - static_cast<uint32_t>(size);
    };
    put32(info_, kInfoMemory | kInfoCommandLine | kInfoModules | kInfoMap | kInfoLoaderName);
    put32(info_ + 4, kLowMemoryEnd >> 10);
    put32(info_ + 8, (ram_bytes_ - kHighMemory) >> 10);

    const struct {
        uint64_t start, end;
        uint32_t type;
    } map[] = {{0, kLowMemoryEnd, 1}, {kLowMemoryEnd, kHighMemory, 2}, {kHighMemory, ram_bytes_, 1}};
    put32(info_ + 44, sizeof map / sizeof map[0] * kMapEntryBytes);
    put32(info_ + 48, next);
    for (const auto& range : map) {
        put32(next, kMapEntryBytes - 4);  // an entry's size does not count itself
        put32(next + 4, range.start);
        put32(next + 12, range.end - range.start);
        put32(next + 20, range.type);
        next += kMapEntryBytes;
    }

    put32(info_ + 20, modules_.size());
    put32(info_ + 24, next);
    uint32_t row = next;
    next += static_cast<uint32_t>(modules_.size()) * kModuleBytes;
    for (const Module& m : modules_) {
        put32(row, m.address);
        put32(row + 4, m.address + m.image.size());
        put32(row + 8, put_text(m.arguments.c_str(), m.arguments.size() + 1));
        row += kModuleBytes;
    }
    put32(info_ + 16, put_text(command_line_.c_str(), command_line_.size() + 1));
    put32(info_ + 64, put_text(kLoaderName, sizeof kLoaderName));
}

// The header may lie anywhere in the first 8 KiB, at a multiple of four.
std::optional<uint32_t> find_header(const Image& kernel) {
    for (uint32_t at = 0; at + 12 <= kSearched && kernel.holds(at, 12); at += 4)
        if (kernel.u32(at) == kHeaderMagic && kernel.u32(at) + kernel.u32(at + 4) + kernel.u32(at + 8) == 0) return at;
    return std::nullopt;
}

}  // namespace

std::unique_ptr<Loader> make_multiboot_loader(Image kernel, const KernelFiles& files, uint64_t ram_bytes) {
    const auto header = find_header(kernel);
    if (!header) return nullptr;
    return std::make_unique<MultibootLoader>(std::move(kernel), *header, files, ram_bytes);
}

}  // namespace ringfold
