// The memory layout, the descriptor tables and the page tables of the machine under test.
#include "test/support/guest_machine.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include <fmt/format.h>

namespace ringfold::test {

namespace {

// Physical memory. All of it up to kSystemBytes also appears at kSystemLinear, for the supervisor only.
constexpr uint32_t kPageDirectory = 0x1000, kGdt = 0x2000, kIdt = 0x3000, kTss = 0x4000, kHandlers = 0x5000,
                   kTablesEnd = 0x6000, kStackTop = 0x8000, kLdt = 0x9000, kPageTables = 0x10000, kPageTablesEnd = 0x30000,
                   kSystemBytes = 0x30000;
constexpr uint32_t kTestPages = 0x100000, kDevicePages = 0x40000000;
constexpr uint64_t kRamBytes = 4 << 20;
constexpr uint32_t kSystemLinear = 0xe0000000;
constexpr uint32_t kHandlerStride = 16;
constexpr uint16_t kGdtBytes = 16 * 8;

constexpr uint32_t kPresent = 1, kWritable = 2, kUser = 4;
constexpr uint16_t k16BitCode = 0x5b, k16BitData = 0x7b;
constexpr uint16_t kKernelCode = 0x08, kKernelData = 0x18, kTssSelector = 0x40, kLdtSelector = 0x38;

SegmentRegister flat(uint16_t selector, uint16_t attributes) {
    return {selector, attributes, 0, 0xffffffff};
}
constexpr uint16_t kFlatCode0 = 0xc09b, kFlatData0 = 0xc093, kFlatCode3 = 0xc0fb, kFlatData3 = 0xc0f3;

}  // namespace

void GuestMachine::DeviceMemory::note(uint64_t what) {
    ++accesses;
    hash = (hash ^ what) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 32;
}

uint64_t GuestMachine::DeviceMemory::read(GuestPhys at, unsigned size) {
    uint64_t value = ~uint64_t{0};
    const uint64_t offset = at.value - kDevicePages;
    if (offset < bytes.size()) memcpy(&value, &bytes[offset], size);
    note(at.value << 8 | size << 4);
    return value;
}

void GuestMachine::DeviceMemory::write(GuestPhys at, unsigned size, uint64_t value) {
    const uint64_t offset = at.value - kDevicePages;
    if (offset < bytes.size()) memcpy(&bytes[offset], &value, size);
    note(at.value << 8 | size << 4 | 1);
    note(value);
}

GuestMachine::GuestMachine() : ram_(kRamBytes), tracer_(kRamBytes), memory_(ram_, devices_, tracer_, state_) {
    tracer_.set_guard(&memory_);
    state_.reset();
    write_system_tables();
    map_pages({});
}

void GuestMachine::store(uint64_t physical, const void* from, size_t size) {
    if (memcmp(ram_.host(GuestPhys(physical)), from, size) == 0) return;
    if (!memory_.dma_write(GuestPhys(physical), {static_cast<const uint8_t*>(from), size}))
        throw std::logic_error("the test machine's own RAM is missing");
}

uint32_t GuestMachine::load32(uint64_t physical) {
    uint32_t value;
    memcpy(&value, ram_.host(GuestPhys(physical)), 4);
    return value;
}

void GuestMachine::write_system_tables() {
    // The order of Linux's own, so that selectors mean the same to the host.
    const uint64_t gdt[] = {0, descriptor(0, 0xfffff, kFlatCode0), descriptor(0, 0xfffff, kFlatCode0),
                            descriptor(0, 0xfffff, kFlatData0), descriptor(0, 0xfffff, kFlatCode3),
                            descriptor(0, 0xfffff, kFlatData3), 0, 0, descriptor(kSystemLinear + kTss, 0x67, 0x8b),
                            // What blocks that are not for the host load too.
                            descriptor(0x4000, 0xfff, 0x40f3),  // 0x48: data with a base and a limit
                            descriptor(0, 0x8, 0xc0f7),         // 0x50: expand-down
                            descriptor(0, 0xffff, 0x00fb),      // 0x58: 16-bit code
                            descriptor(0, 0xfffff, 0xc0f1),     // 0x60: read-only
                            descriptor(0, 0xfffff, 0xc073),     // 0x68: not present
                            descriptor(0, 0xfffff, 0xc09f),     // 0x70: conforming code
                            descriptor(0, 0xffff, 0x00f3)};     // 0x78: a 16-bit stack
    static_assert(sizeof gdt == kGdtBytes);
    // Whole pages, since code at CPL 0 may have written to any of it.
    std::vector<uint8_t> image(kTablesEnd - kGdt);
    const auto put = [&](uint64_t physical, const void* from, size_t size) {
        memcpy(&image[physical - kGdt], from, size);
    };
    put(kGdt, gdt, sizeof gdt);
    // As under Linux, user mode may raise only #BP and #OF by INT n.
    for (uint32_t vector = 0; vector < 256; ++vector) {
        const uint32_t handler = kSystemLinear + kHandlers + vector * kHandlerStride;
        const uint32_t dpl = vector == 3 || vector == 4 ? 0x6000 : 0;
        const uint32_t gate[2] = {(handler & 0xffff) | uint32_t{kKernelCode} << 16,
                                  (handler & 0xffff0000) | 0x8e00 | dpl};
        put(kIdt + vector * 8, gate, sizeof gate);
        image[kHandlers + vector * kHandlerStride - kGdt] = 0xf4;  // HLT
    }
    std::array<uint32_t, 0x68 / 4> tss{};
    tss[1] = kSystemLinear + kStackTop;
    tss[2] = kKernelData;
    tss[0x64 / 4] = 0x68u << 16;  // no I/O bitmap
    put(kTss, tss.data(), sizeof tss);
    store(kGdt, image.data(), image.size());
}

// What code at CPL 0 can have reached beside the tables and the test's pages. Beyond the first pages that takes paging
// switched off or turned elsewhere.
void GuestMachine::clear_rest(size_t pages) {
    static constexpr std::array<uint8_t, 4096> kZeroes{};
    const auto clear = [&](uint64_t from, uint64_t to) {
        for (; from < to; from += 4096)
            if (ram_.contains(GuestPhys(from))) store(from, kZeroes.data(), 4096);
    };
    clear(0, kPageDirectory);
    clear(kTablesEnd, kPageTables);
    if (state_.cr3 == kPageDirectory && state_.paging()) return;
    clear(kPageTablesEnd, kTestPages);
    clear(kTestPages + pages * 4096, kRamBytes);
}

void GuestMachine::map_pages(const std::vector<PageKey>& pages) {
    std::vector<uint32_t> directory(1024), tables;
    uint32_t next_table = kPageTables;
    const auto set = [&](uint32_t linear, uint32_t entry) {
        uint32_t& slot = directory[linear >> 22];
        if (!slot) {
            if (next_table == kPageTablesEnd) throw std::logic_error("the case needs too many page tables");
            slot = next_table | kPresent | kWritable | kUser;
            next_table += 4096;
            tables.resize(tables.size() + 1024);
        }
        tables[((slot & ~0xfffu) - kPageTables) / 4 + ((linear >> 12) & 0x3ff)] = entry;
    };
    for (uint32_t a = 0; a < kSystemBytes; a += 4096) set(kSystemLinear + a, a | kPresent | kWritable);
    for (uint32_t i = 0; i < pages.size(); ++i)
        set(pages[i].address, ((pages[i].device ? kDevicePages : kTestPages) + i * 4096) | kPresent | kUser |
                                  (pages[i].writable ? kWritable : 0));
    store(kPageDirectory, directory.data(), 4096);
    tables.resize((kPageTablesEnd - kPageTables) / 4);
    store(kPageTables, tables.data(), tables.size() * 4);
    mapped_ = pages;
}

void GuestMachine::set_registers(const CpuCase& c) {
    CpuState& s = state_;
    s.reset();
    s.cr0 = cr0::PE | cr0::MP | cr0::ET | cr0::NE | cr0::WP | cr0::AM | cr0::PG;
    s.cr3 = kPageDirectory;
    s.cr4 = cr4::OSFXSR | cr4::OSXMMEXCPT | cr4::DE;
    s.gdtr = {kSystemLinear + kGdt, kGdtBytes - 1};
    s.idtr = {kSystemLinear + kIdt, 256 * 8 - 1};
    s.tr = {kTssSelector, 0x8b, kSystemLinear + kTss, 0x67};
    s.ldtr = {};
    if (!c.ldt.empty()) s.ldtr = {kLdtSelector, 0x82, kSystemLinear + kLdt, static_cast<uint32_t>(c.ldt.size() * 8 - 1)};
    for (auto& segment : s.segment) segment = flat(kUserData, kFlatData3);
    s.segment[CS] = flat(kUserCode, kFlatCode3);
    s.cpl = 3;
    if (c.supervisor) {
        for (auto& segment : s.segment) segment = flat(kKernelData, kFlatData0);
        s.segment[CS] = flat(kKernelCode, kFlatCode0);
        s.cpl = 0;
    }
    s.gpr = c.gpr;
    s.eip = c.eip;
    s.set_eflags(c.eflags);
    if (c.segments == CpuCase::Segments::Virtual8086) {
        for (auto& segment : s.segment) segment = {0, 0xf3, 0, 0xffff};
        s.system_flags |= flag::VM;
    } else if (c.segments == CpuCase::Segments::Protected16) {
        for (auto& segment : s.segment) segment = {k16BitData, 0xf3, 0, 0xffff};
        s.segment[CS] = {k16BitCode, 0xfb, 0, 0xffff};
    }
    s.fpu = c.fpu;
}

void GuestMachine::load(const CpuCase& c) {
    std::vector<PageKey> keys;
    for (const auto& p : c.pages) keys.push_back({p.address, p.writable, p.device});
    if (c.supervisor || system_used_) {
        clear_rest(c.pages.size());
        write_system_tables();
        map_pages(keys);
    } else if (keys != mapped_) {
        map_pages(keys);
    }
    system_used_ = c.supervisor;
    devices_ = {};
    devices_.bytes.resize(c.pages.size() * 4096);
    for (size_t i = 0; i < c.pages.size(); ++i) {
        const PageImage& page = c.pages[i];
        if (page.device)
            memcpy(device_page(i), page.bytes.data(), 4096);
        else
            store(kTestPages + i * 4096, page.bytes.data(), 4096);
    }
    if (!c.ldt.empty()) store(kLdt, c.ldt.data(), c.ldt.size() * sizeof c.ldt[0]);
    set_registers(c);
    memory_.paging_mode_changed();
}

void GuestMachine::poke(uint32_t linear, std::span<const uint8_t> bytes) {
    for (const uint8_t& byte : bytes) {
        for (size_t i = 0; i < mapped_.size(); ++i)
            if (mapped_[i].address == (linear & ~0xfffu)) store(kTestPages + i * 4096 + (linear & 0xfff), &byte, 1);
        ++linear;
    }
}

std::string GuestMachine::system_text() const {
    const CpuState& s = state_;
    std::string text = fmt::format(
        "cpl {} cr0 {:x} cr3 {:x} cr4 {:x} dr6 {:x} dr7 {:x} shadow {} gdtr {:x}+{:x} idtr {:x}+{:x} ldtr {:x} tr {:x}",
        s.cpl, s.cr0, s.cr3, s.cr4, s.dr[6], s.dr[7], s.interrupt_shadow, s.gdtr.base, s.gdtr.limit, s.idtr.base,
        s.idtr.limit, s.ldtr.selector, s.tr.selector);
    for (const auto& r : s.segment)
        text += fmt::format(" {:x}:{:x}+{:x}/{:x}", r.selector, r.base, r.limit, r.attributes);
    if (devices_.accesses) text += fmt::format(" device accesses {}, {:x}", devices_.accesses, devices_.hash);
    return text;
}

// The frame that the exception pushed at CPL 0 (SDM volume 3, 6.12): error code if any, EIP, CS, EFLAGS, ESP, SS.
CpuEnd GuestMachine::collect(const CpuCase& c) {
    CpuEnd end;
    end.gpr = state_.gpr;
    end.eip = state_.eip;
    end.eflags = state_.eflags();
    end.fpu = state_.fpu;
    for (size_t i = 0; i < 6; ++i) end.segment[i] = state_.segment[i].selector;
    end.kind = state_.activity == Activity::Shutdown ? EndKind::TripleFault
               : state_.activity == Activity::Halted ? EndKind::Fault
                                                     : EndKind::TimedOut;
    end.system = system_text();
    const uint32_t handler = state_.eip - 1 - kSystemLinear - kHandlers;
    if (c.supervisor) {
        if (end.kind == EndKind::Fault) end.kind = EndKind::Halted;
        end.cr2 = state_.cr2;
        if (handler < 256 * kHandlerStride) end.vector = static_cast<uint8_t>(handler / kHandlerStride);
    } else if (end.kind == EndKind::Fault && handler < 256 * kHandlerStride && state_.cpl == 0) {
        end.vector = static_cast<uint8_t>(handler / kHandlerStride);
        const bool has_error_code = end.vector == 8 || (end.vector >= 10 && end.vector <= 14) || end.vector == 17;
        const uint32_t frame_bytes = has_error_code ? 24 : 20;
        if (state_.gpr[ESP] == kSystemLinear + kStackTop - frame_bytes) {
            const uint32_t frame = kStackTop - 20;
            if (has_error_code) end.error_code = load32(frame - 4);
            end.eip = load32(frame);
            end.segment[CS] = static_cast<uint16_t>(load32(frame + 4));
            end.eflags = load32(frame + 8);
            end.gpr[ESP] = load32(frame + 12);
            end.segment[SS] = static_cast<uint16_t>(load32(frame + 16));
            if (end.vector == 14) end.cr2 = state_.cr2;
        } else {
            end.kind = EndKind::Lost;
        }
    }
    end.pages = c.pages;
    for (size_t i = 0; i < c.pages.size(); ++i)
        memcpy(end.pages[i].bytes.data(),
               c.pages[i].device ? device_page(i) : ram_.host(GuestPhys(kTestPages + i * 4096)), 4096);
    return end;
}

}  // namespace ringfold::test
