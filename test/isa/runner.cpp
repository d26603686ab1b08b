// Runs one assembled test file (case.inc) on every kind of CPU and on the host's, and compares each end state with
// what the file expects and with the host's.
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <fmt/format.h>

#include "test/support/cpu_under_test.h"
#include "test/support/test_layout.h"

using namespace ringfold::test;

namespace {

constexpr uint32_t kOrigin = kCodePage, kMeta = 0x8000;
constexpr std::array<uint32_t, 8> kStartRegisters = {0x0a0a0a0a,  0x0c0c0c0c, 0x0d0d0d0d, 0x0b0b0b0b,
                                                     kStackStart, 0xbdbdbdbd, 0x51515151, 0xd1d1d1d1};
constexpr std::array<uint16_t, 6> kSegmentStart = {kUserData, kUserCode, kUserData, kUserData, kUserData, kUserData};
constexpr uint32_t kResumeFlag = 0x10000;

constexpr uint32_t kFirstSegment = 9;  // numbers of case.inc's reg_es and on

enum Kind : uint32_t { Case = 1, In, Out, Undefined, Memory, Fault, NoNative, InMemory, InFpu, Unmap, Protect, Start };
struct Record {
    uint32_t kind, a, b, c, d;
};

struct TestCase {
    std::string name;
    CpuCase start;
    CpuEnd expected;
    uint32_t undefined_flags = 0;
    bool native = true;
};

std::vector<uint8_t> read_file(const char* path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error(fmt::format("cannot read {}", path));
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<PageImage> pages_of(const std::vector<uint8_t>& image) {
    std::vector<PageImage> pages = standard_pages();
    for (PageImage& page : pages) {
        const size_t offset = page.address - kOrigin;
        if (page.address < kMeta && offset < image.size())
            memcpy(page.bytes.data(), &image[offset], std::min<size_t>(4096, image.size() - offset));
    }
    return pages;
}

uint32_t& state_word(CpuCase& c, uint32_t i) {
    return i < 8 ? c.gpr[i] : c.eflags;
}
uint32_t& state_word(CpuEnd& e, uint32_t i) {
    return i < 8 ? e.gpr[i] : e.eflags;
}

void store32(const TestCase& t, CpuCase& where, uint32_t address, uint32_t value) {
    for (uint32_t i = 0; i < 4; ++i) {
        uint8_t* byte = where.byte(address + i);
        if (!byte) throw std::runtime_error(fmt::format("{}: {:x} is not in a page", t.name, address));
        *byte = static_cast<uint8_t>(value >> (8 * i));
    }
}

void apply(const Record& r, TestCase& t, CpuCase& written) {
    switch (r.kind) {
        case In:
            state_word(t.start, r.a) = r.a == 8 ? kStartFlags | r.b : r.b;
            state_word(t.expected, r.a) = state_word(t.start, r.a);
            break;
        case Out:
            if (r.a >= kFirstSegment)
                t.expected.segment[r.a - kFirstSegment] = static_cast<uint16_t>(r.b);
            else
                state_word(t.expected, r.a) = r.a == 8 ? kStartFlags | r.b : r.b;
            break;
        case Undefined:
            t.undefined_flags = r.a;
            break;
        case Memory:
            store32(t, written, r.a, r.b);
            break;
        case InMemory:
            store32(t, t.start, r.a, r.b);
            store32(t, written, r.a, r.b);
            break;
        case InFpu:
            memcpy(&t.start.fpu.at(r.a), &r.b, 4);
            break;
        case Unmap:
            std::erase_if(t.start.pages, [&](const PageImage& p) { return p.address == r.a; });
            std::erase_if(written.pages, [&](const PageImage& p) { return p.address == r.a; });
            break;
        case Protect:
            for (PageImage& p : t.start.pages)
                if (p.address == r.a) p.writable = false;
            break;
        case Fault:
            t.expected.kind = EndKind::Fault;
            t.expected.vector = static_cast<uint8_t>(r.a);
            t.expected.error_code = r.b;
            t.expected.eip = r.c;
            t.expected.cr2 = r.d;
            break;
        case Start:
            t.start.eip = r.a;
            t.start.max_steps = 1'000'000;
            break;
        case NoNative:
            t.native = false;
            break;
        default:
            throw std::runtime_error(fmt::format("{}: a record of kind {}", t.name, r.kind));
    }
}

std::vector<TestCase> parse(const std::vector<uint8_t>& image) {
    const auto pages = pages_of(image);
    const size_t meta = kMeta - kOrigin;
    size_t count = 0;
    std::vector<Record> records;
    // The names follow the records; the first name's offset is not known, so records end at the first non-record.
    for (size_t at = meta; at + sizeof(Record) <= image.size(); at += sizeof(Record), ++count) {
        Record r;
        memcpy(&r, &image[at], sizeof r);
        if (r.kind < Case || r.kind > Start) break;
        records.push_back(r);
    }
    const size_t names = meta + records.size() * sizeof(Record);
    std::vector<TestCase> cases;
    CpuCase written;
    const auto finish = [&] {
        if (!cases.empty()) cases.back().expected.pages = written.pages;
    };
    for (const Record& r : records) {
        if (r.kind == Case) {
            finish();
            TestCase t;
            if (names + r.b + r.c > image.size()) throw std::runtime_error("a name lies outside the file");
            t.name.assign(reinterpret_cast<const char*>(&image[names + r.b]), r.c);
            t.start.max_steps = 1'000'000;
            t.start.gpr = t.expected.gpr = kStartRegisters;
            t.start.eflags = t.expected.eflags = kStartFlags;
            t.start.eip = r.a;
            t.start.pages = written.pages = pages;
            t.expected.segment = kSegmentStart;
            cases.push_back(t);
        } else if (cases.empty()) {
            throw std::runtime_error("the file starts without a CASE");
        } else {
            apply(r, cases.back(), written);
        }
    }
    finish();
    if (cases.empty()) throw std::runtime_error("the file holds no CASE");
    return cases;
}

constexpr const char* kWordNames[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
constexpr const char* kSegmentNames[] = {"es", "cs", "ss", "ds", "fs", "gs"};

std::string flag_expression(uint32_t flags) {
    static constexpr std::pair<uint32_t, const char*> kNames[] = {
        {1, "CF"},     {4, "PF"},     {0x10, "AF"},   {0x40, "ZF"},    {0x80, "SF"},    {0x100, "TF"},
        {0x400, "DF"}, {0x800, "OF"}, {0x4000, "NT"}, {0x40000, "AC"}, {0x200000, "ID"}};
    std::string text;
    for (const auto& [bit, name] : kNames)
        if (flags & bit) text += fmt::format("{}{}", text.empty() ? "" : "|", name);
    return text.empty() ? "0" : text;
}

uint32_t dword_at(const PageImage& page, size_t offset) {
    uint32_t value;
    memcpy(&value, &page.bytes[offset], 4);
    return value;
}

// The OUT and MEM lines that would make the case pass, for accept.py.
void print_outcome(const TestCase& t, const CpuEnd& end) {
    fmt::print("CASE {}\n", t.name);
    for (size_t i = 0; i < 8; ++i)
        if (end.gpr[i] != t.start.gpr[i]) fmt::print("    OUT {}, 0x{:08x}\n", kWordNames[i], end.gpr[i]);
    const uint32_t ignored = t.undefined_flags | kResumeFlag;
    if ((end.eflags ^ t.start.eflags) & ~ignored)
        fmt::print("    OUT flags, {}\n", flag_expression(end.eflags & ~ignored));
    for (size_t i = 0; i < 6; ++i)
        if (end.segment[i] != kSegmentStart[i]) fmt::print("    OUT {}, 0x{:x}\n", kSegmentNames[i], end.segment[i]);
    for (size_t p = 0; p < end.pages.size(); ++p)
        for (size_t i = 0; i < 4096; i += 4)
            if (dword_at(end.pages[p], i) != dword_at(t.start.pages[p], i))
                fmt::print("    MEM 0x{:08x}, 0x{:08x}\n", end.pages[p].address + i, dword_at(end.pages[p], i));
    fmt::print("    ; vector {} error {:x} eip {:x} cr2 {:x}\n", end.vector, end.error_code, end.eip, end.cr2);
}

// Returns the number of failures.
int run_case(const TestCase& t, std::vector<std::unique_ptr<CpuUnderTest>>& cpus) {
    int failures = 0;
    const auto complain = [&](const std::string& text) {
        if (text.empty()) return;
        fmt::print("not ok {}\n{}", t.name, text);
        ++failures;
    };
    const CpuEnd* judge = nullptr;
    std::vector<CpuEnd> ends;
    ends.reserve(cpus.size());
    for (auto& cpu : cpus) {
        if (cpu->is_native() && !t.native) continue;
        ends.push_back(cpu->run(t.start));
        const CpuEnd& end = ends.back();
        complain(difference(end, cpu->name(), t.expected, "expected",
                            {.flags = ~(t.undefined_flags | kResumeFlag), .fpu = false}));
        if (cpu->is_native())
            judge = &end;
        else if (judge)
            complain(difference(end, cpu->name(), *judge, "native"));
    }
    return failures;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        fmt::print(stderr, "usage: isa_runner FILE.bin [CPU...]\n       isa_runner FILE.bin --print CPU\n");
        return 2;
    }
    try {
        if (argc == 4 && argv[2] == std::string("--print")) {
            const auto cpus = available_cpus({argv[3]});
            for (const TestCase& t : parse(read_file(argv[1]))) print_outcome(t, cpus[0]->run(t.start));
            return 0;
        }
        auto cpus = available_cpus({argv + 2, argv + argc});
        std::string names;
        for (const auto& cpu : cpus) names += fmt::format(" {}", cpu->name());
        int failures = 0;
        const auto cases = parse(read_file(argv[1]));
        for (const TestCase& t : cases) failures += run_case(t, cpus);
        fmt::print("{} cases on{}: {} failures\n", cases.size(), names, failures);
        return failures != 0;
    } catch (const std::exception& e) {
        fmt::print(stderr, "isa_runner: {}: {}\n", argv[1], e.what());
        return 2;
    }
}
