// Comparing and printing the end states of test runs.
#include "test/support/cpu_case.h"

#include <cstring>

#include <fmt/format.h>

namespace ringfold::test {

namespace {

constexpr const char* kGprNames[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
constexpr const char* kSegmentNames[] = {"es", "cs", "ss", "ds", "fs", "gs"};
constexpr const char* kEndNames[] = {"fault", "halted", "time-out", "system call", "triple fault", "lost"};

struct FlagName {
    uint32_t bit;
    const char* name;
};
constexpr FlagName kFlagNames[] = {{1, "CF"},       {4, "PF"},       {0x10, "AF"},    {0x40, "ZF"},  {0x80, "SF"},
                                   {0x100, "TF"},   {0x200, "IF"},   {0x400, "DF"},   {0x800, "OF"}, {0x4000, "NT"},
                                   {0x10000, "RF"}, {0x40000, "AC"}, {0x200000, "ID"}};

std::string flag_text(uint32_t flags) {
    std::string text = fmt::format("{:08x}", flags);
    for (const auto& f : kFlagNames)
        if (flags & f.bit) text += fmt::format(" {}", f.name);
    return text;
}

// FXSAVE parts that are compared. Left out: FOP, FIP and FDP (bytes 6 to 23), since a monitor that runs x87
// instructions on the host's FPU shows its own addresses there; MXCSR_MASK; and the reserved areas.
struct FpuPart {
    const char* name;
    unsigned offset, size;
};
constexpr FpuPart kFpuParts[] = {
    {"fcw", 0, 2},     {"fsw", 2, 2},     {"ftw", 4, 1},     {"st0", 32, 10},   {"st1", 48, 10},
    {"st2", 64, 10},   {"st3", 80, 10},   {"st4", 96, 10},   {"st5", 112, 10},  {"st6", 128, 10},
    {"st7", 144, 10},  {"xmm0", 160, 16}, {"xmm1", 176, 16}, {"xmm2", 192, 16}, {"xmm3", 208, 16},
    {"xmm4", 224, 16}, {"xmm5", 240, 16}, {"xmm6", 256, 16}, {"xmm7", 272, 16},
};

std::string hex(const uint8_t* bytes, unsigned size) {
    std::string text;
    for (unsigned i = size; i-- > 0;) text += fmt::format("{:02x}", bytes[i]);
    return text;
}

uint32_t mxcsr(const CpuEnd& e) {
    uint32_t value;
    memcpy(&value, &e.fpu[24], 4);
    return value;
}

// IRET, by which Linux goes back to the code under test, clears the RPL of a null selector on some CPUs.
uint16_t without_null_rpl(uint16_t selector) {
    return selector < 4 ? 0 : selector;
}

class Report {
public:
    Report(const char* a, const char* b) : a_(a), b_(b) {}
    void line(std::string_view what, std::string_view left, std::string_view right) {
        if (left != right) text_ += fmt::format("    {}: {} {}, {} {}\n", what, a_, left, b_, right);
    }
    void number(std::string_view what, uint32_t left, uint32_t right) {
        if (left != right) line(what, fmt::format("{:08x}", left), fmt::format("{:08x}", right));
    }
    std::string text() const { return text_; }

private:
    const char* a_;
    const char* b_;
    std::string text_;
};

void compare_memory(Report& report, const CpuEnd& a, const CpuEnd& b) {
    unsigned shown = 0;
    for (size_t p = 0; p < a.pages.size() && p < b.pages.size(); ++p)
        for (unsigned i = 0; i < 4096 && shown < 16; ++i)
            if (a.pages[p].bytes[i] != b.pages[p].bytes[i]) {
                report.number(fmt::format("[{:08x}]", a.pages[p].address + i), a.pages[p].bytes[i],
                              b.pages[p].bytes[i]);
                ++shown;
            }
}

}  // namespace

FpuImage initial_fpu() {
    FpuImage image{};
    const uint16_t fcw = 0x37f;
    const uint32_t mxcsr = 0x1f80;
    memcpy(&image[0], &fcw, 2);
    memcpy(&image[24], &mxcsr, 4);
    return image;
}

uint64_t descriptor(uint32_t base, uint32_t limit, uint16_t attributes) {
    return (limit & 0xffff) | uint64_t{base & 0xffffff} << 16 | uint64_t{attributes} << 40 |
           (uint64_t{limit} & 0xf0000) << 32 | uint64_t{base >> 24} << 56;
}

uint8_t* CpuCase::byte(uint32_t address) {
    for (auto& page : pages)
        if (page.address == (address & ~0xfffu)) return &page.bytes[address & 0xfff];
    return nullptr;
}

std::string difference(const CpuEnd& a, const char* a_name, const CpuEnd& b, const char* b_name, const Compare& what) {
    Report report(a_name, b_name);
    report.line("end", kEndNames[static_cast<int>(a.kind)], kEndNames[static_cast<int>(b.kind)]);
    if (!a.system.empty() && !b.system.empty()) report.line("system", a.system, b.system);
    report.number("vector", a.vector, b.vector);
    report.number("error code", a.error_code, b.error_code);
    report.number("cr2", a.cr2, b.cr2);
    report.number("eip", a.eip, b.eip);
    for (size_t i = 0; i < 8; ++i) report.number(kGprNames[i], a.gpr[i], b.gpr[i]);
    report.line("eflags", flag_text(a.eflags & what.flags), flag_text(b.eflags & what.flags));
    for (size_t i = 0; i < 6; ++i)
        report.number(kSegmentNames[i], without_null_rpl(a.segment[i]), without_null_rpl(b.segment[i]));
    if (what.fpu) report.number("mxcsr", mxcsr(a) & what.mxcsr, mxcsr(b) & what.mxcsr);
    if (what.fpu)
        for (const auto& part : kFpuParts)
            report.line(part.name, hex(&a.fpu[part.offset], part.size), hex(&b.fpu[part.offset], part.size));
    compare_memory(report, a, b);
    return report.text();
}

std::string describe(const CpuEnd& e) {
    std::string text =
        fmt::format("    {} vector {} error {:x} cr2 {:08x} eip {:08x} eflags {}\n   ",
                    kEndNames[static_cast<int>(e.kind)], e.vector, e.error_code, e.cr2, e.eip, flag_text(e.eflags));
    for (size_t i = 0; i < 8; ++i) text += fmt::format(" {}={:08x}", kGprNames[i], e.gpr[i]);
    return text + "\n";
}

}  // namespace ringfold::test
