// Instructions become NOPs, registers and memory zero, as long as the difference stays.
#include "test/differential/minimise.h"

#include <algorithm>
#include <cstring>

#include <Zydis/Zydis.h>
#include <fmt/format.h>

#include "test/support/test_layout.h"

namespace ringfold::test {

namespace {

constexpr uint8_t kNop = 0x90;
constexpr const char* kNames[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};

class Minimiser {
public:
    Minimiser(RandomBlock block, const std::function<bool(const CpuCase&)>& fails)
        : block_(std::move(block)), fails_(fails) {}

    RandomBlock run() {
        for (size_t i = block_.instructions.size(); i-- > 0;) drop_instruction(i);
        for (uint32_t& reg : block_.start.gpr) try_value(reg, 0u);
        try_value(block_.start.eflags, kStartFlags);
        try_value(block_.start.fpu, initial_fpu());
        for (unsigned i = 0; i < 512; i += 4) clear_bytes(&block_.start.fpu[i], 4, i < 32);
        for (PageImage& page : block_.start.pages)
            if (page.address >= kCodeEnd) clear(page.bytes.data(), 4096);
        return std::move(block_);
    }

private:
    template <class T>
    void try_value(T& where, const T& value) {
        const T old = where;
        where = value;
        if (!fails_(block_.start)) where = old;
    }

    void drop_instruction(size_t n) {
        const PlacedInstruction dropped = block_.instructions[n];
        const CpuCase before = block_.start;
        for (uint32_t i = 0; i < dropped.bytes.size(); ++i) *block_.start.byte(dropped.eip + i) = kNop;
        if (fails_(block_.start))
            block_.instructions[n].bytes.assign(dropped.bytes.size(), kNop);
        else
            block_.start = before;
    }

    bool clear_bytes(uint8_t* at, size_t size, bool leave = false) {
        if (leave || std::all_of(at, at + size, [](uint8_t b) { return b == 0; })) return true;
        const std::vector<uint8_t> old(at, at + size);
        memset(at, 0, size);
        if (fails_(block_.start)) return true;
        memcpy(at, old.data(), size);
        return false;
    }

    void clear(uint8_t* at, size_t size) {
        if (clear_bytes(at, size) || size == 4) return;
        clear(at, size / 2);
        clear(at + size / 2, size / 2);
    }

    RandomBlock block_;
    const std::function<bool(const CpuCase&)>& fails_;
};

std::string code_line(const PlacedInstruction& i) {
    std::string line = "    db ";
    for (size_t n = 0; n < i.bytes.size(); ++n) line += fmt::format("{}0x{:02x}", n ? ", " : "", i.bytes[n]);
    ZydisDisassembledInstruction text;
    if (ZYAN_SUCCESS(ZydisDisassembleIntel(ZYDIS_MACHINE_MODE_LEGACY_32, i.eip, i.bytes.data(), i.bytes.size(), &text)))
        line += fmt::format("    ; {:x}: {}", i.eip, text.text);
    return line + "\n";
}

std::string dwords(const char* macro, uint32_t address, const uint8_t* bytes, size_t size, const uint8_t* usual) {
    std::string lines;
    for (size_t i = 0; i < size; i += 4) {
        uint32_t value;
        memcpy(&value, bytes + i, 4);
        if (memcmp(bytes + i, usual + i, 4) != 0)
            lines += fmt::format("    {} 0x{:x}, 0x{:08x}\n", macro, address + static_cast<uint32_t>(i), value);
    }
    return lines;
}

}  // namespace

RandomBlock minimise(RandomBlock block, const std::function<bool(const CpuCase&)>& fails) {
    return Minimiser(std::move(block), fails).run();
}

std::string as_test_file(const RandomBlock& block, const CpuEnd& judge, const std::string& title) {
    const CpuCase& c = block.start;
    std::string text = fmt::format("; {}\n; Complete it with accept.py.\n%include \"case.inc\"\n\n", title);
    // Code lies where it lay when it failed: an offset within the page can matter.
    text += "CASE \"...\"\n";
    for (size_t i = 0; i < 8; ++i) text += fmt::format("    IN {}, 0x{:08x}\n", kNames[i], c.gpr[i]);
    if (c.eflags != kStartFlags) text += fmt::format("    IN flags, 0x{:x}\n", c.eflags & ~kStartFlags);
    const FpuImage usual_fpu = initial_fpu();
    text += dwords("INFPU", 0, c.fpu.data(), c.fpu.size(), usual_fpu.data());
    const std::array<uint8_t, 4096> zeroes{};
    for (const PageImage& page : standard_pages()) {
        const auto own =
            std::find_if(c.pages.begin(), c.pages.end(), [&](auto& p) { return p.address == page.address; });
        if (own == c.pages.end())
            text += fmt::format("    UNMAP 0x{:x}\n", page.address);
        else if (own->writable != page.writable)
            text += fmt::format("    READONLY 0x{:x}\n", page.address);
    }
    for (const PageImage& page : c.pages)
        if (page.device) text += fmt::format("    ; device memory, which such a file cannot ask for: 0x{:x}\n", page.address);
    for (const PageImage& page : c.pages)
        if (page.address >= kCodeEnd) text += dwords("INMEM", page.address, page.bytes.data(), 4096, zeroes.data());
    text += fmt::format("    START 0x{:x}\n", c.eip);
    text += fmt::format("    FAULT {}, 0x{:x}, 0x{:x}, 0x{:x}\n", judge.vector, judge.error_code, judge.eip, judge.cr2);
    std::vector<PlacedInstruction> by_address = block.instructions;
    std::sort(by_address.begin(), by_address.end(), [](auto& a, auto& b) { return a.eip < b.eip; });
    uint32_t at = kCodePage;
    for (const PlacedInstruction& i : by_address) {
        if (i.eip > at) text += fmt::format("    times 0x{:x} hlt\n", i.eip - at);
        at = i.eip + static_cast<uint32_t>(i.bytes.size());
        const bool nops = std::all_of(i.bytes.begin(), i.bytes.end(), [](uint8_t b) { return b == kNop; });
        text += nops ? fmt::format("    times {} nop\n", i.bytes.size()) : code_line(i);
    }
    return text + "DONE\n";
}

}  // namespace ringfold::test
