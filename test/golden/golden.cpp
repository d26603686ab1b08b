// Emitted code as golden text: translates the block of a small assembly file in each memory form and compares the
// listing (-d out_asm's) with the one kept in the file, under its source.
//
// A line "; ring 0" runs the file as supervisor code, "; 16-bit protected mode" and "; virtual-8086 mode" in such
// segments, where there is no direct form. "; segments engine" lists what that engine makes of it, direct.
//
// Host addresses differ from run to run: those inside the block become +offset, others HOST.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>

#include "test/support/guest_machine.h"
#include "test/support/test_layout.h"
#include "translator/translated_cpu.h"
#include "vmm/base/log.h"

using namespace ringfold;
using namespace ringfold::test;

namespace {

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error(fmt::format("cannot read {}", path));
    return {std::istreambuf_iterator<char>(file), {}};
}

struct Setting {
    bool supervisor = false;
    const char* engine = "windows";
    CpuCase::Segments segments = CpuCase::Segments::Flat;

    explicit Setting(const std::string& source) {
        const auto says = [&source](const char* line) { return source.find(line) != std::string::npos; };
        supervisor = says("\n; ring 0\n");
        if (says("\n; segments engine\n")) engine = "segments";
        if (says("\n; 16-bit protected mode\n")) segments = CpuCase::Segments::Protected16;
        if (says("\n; virtual-8086 mode\n")) segments = CpuCase::Segments::Virtual8086;
    }
};

CpuCase case_of(const std::string& code, const Setting& setting) {
    CpuCase c;
    c.supervisor = setting.supervisor;
    c.segments = setting.segments;
    c.pages = standard_pages();
    c.eip = kCodePage;
    for (size_t i = 0; i < code.size(); ++i)
        *c.byte(kCodePage + static_cast<uint32_t>(i)) = static_cast<uint8_t>(code[i]);
    for (uint32_t n = 0; n < 8; ++n) c.gpr[n] = 0x4100 + 0x100 * n;
    c.gpr[ESP] = kStackStart;
    return c;
}

// What -d out_asm writes while the case runs.
std::string raw_listing(const std::string& code, const Setting& setting, const char* policy) {
    const std::string path =
        fmt::format("{}/ringfold-golden-{}", std::filesystem::temp_directory_path().string(), getpid());
    log::open(path.c_str());
    log::enabled_categories = log::InAsm | log::OutAsm;
    GuestMachine machine;
    TranslatorOptions options;
    options.engine_options.cache_bytes = 4 << 20;
    options.policy.name = policy;
    options.engine = setting.engine;
    TranslatedCpu cpu(machine.context(), machine.memory(), machine.ports(), machine.interrupts(), options);
    machine.load(case_of(code, setting));
    while (std::holds_alternative<Interrupted>(cpu.run())) {
    }
    log::enabled_categories = 0;
    fflush(nullptr);
    const std::string text = read_file(path);
    std::filesystem::remove(path);
    return text;
}

struct HostRange {
    uint64_t begin = 0, length = 0;
    bool contains(uint64_t a) const { return a - begin < length; }
};

// 32-bit code names what the monitor is called about in two halves of an address.
std::string replace_subject(const std::string& line) {
    constexpr uint32_t kSubject = offsetof(VcpuContext, segments_state.subject);
    static const std::regex kHalf(fmt::format("(mov dword ptr gs:\\[0x({:x}|{:x})\\], ).*", kSubject, kSubject + 4));
    return std::regex_replace(line, kHalf, "$1SITE");
}

std::string replace_addresses(const std::string& line, const HostRange& block) {
    const bool low = block.begin >> 32 == 0;
    static const std::regex kNumber("0x[0-9a-f]{9,16}"), kNumberInTheHole("0xf[c-f][0-9a-f]{6}");
    std::string out;
    auto from = line.begin();
    for (std::sregex_iterator it(line.begin(), line.end(), low ? kNumberInTheHole : kNumber), end; it != end; ++it) {
        out.append(from, line.begin() + it->position());
        const uint64_t value = std::stoull(it->str(), nullptr, 16);
        const bool negative = value >> 47;  // a displacement, not an address
        out += negative ? it->str() : block.contains(value) ? fmt::format("+0x{:x}", value - block.begin) : "HOST";
        from = line.begin() + it->position() + it->length();
    }
    out.append(from, line.end());
    return out;
}

// The blocks of the case's ring, without what changes from run to run. What ends a run in ring 3 is the supervisor's.
std::string listing(const std::string& code, const Setting& setting, const char* policy, const char* name) {
    static const std::regex kHead(R"(---- block ([0-9a-f]+) \(physical [0-9a-f]+\) (\w+) (\w+), (\d+) bytes to (\d+))");
    static const std::regex kHostLine("    ([0-9a-f]+)  (.*)");
    std::istringstream lines(raw_listing(code, setting, policy));
    std::string out, line;
    HostRange block;
    bool wanted = false;
    for (std::smatch m; std::getline(lines, line);) {
        if (std::regex_match(line, m, kHead)) {
            wanted = m[2] == (setting.supervisor ? "supervisor" : "user");
            block = {0, std::stoull(m[5])};
            if (wanted) out += fmt::format(";; {} block {}, {} bytes to {}\n", name, m[1].str(), m[4].str(), m[5].str());
        } else if (wanted && std::regex_match(line, m, kHostLine)) {
            if (block.begin == 0) block.begin = std::stoull(m[1], nullptr, 16);
            out += ";;     " + replace_addresses(replace_subject(m[2]), block) + "\n";
        } else if (wanted) {
            out += ";; " + line + "\n";
        }
    }
    return out;
}

bool is_golden_line(const std::string& line) {
    return line.starts_with(";;");
}

}  // namespace

int main(int argc, char** argv) {
    const bool accept = argc == 4 && argv[3] == std::string("--accept");
    if (argc != 3 && !accept) {
        fmt::print(stderr, "usage: golden SOURCE.asm CODE.bin [--accept]\n");
        return 2;
    }
    try {
        std::istringstream lines(read_file(argv[1]));
        std::string source, expected, line;
        while (std::getline(lines, line)) (is_golden_line(line) ? expected : source) += line + "\n";
        const std::string code = read_file(argv[2]);
        const Setting setting(source);
        const bool windows = setting.engine == std::string_view("windows");
        std::string found = windows ? listing(code, setting, "never-direct", "soft") : listing(code, setting, "always-direct", "segments");
        if (windows && setting.segments == CpuCase::Segments::Flat) found += listing(code, setting, "always-direct", "direct");
        if (accept) {
            std::ofstream(argv[1]) << source << found;
            return 0;
        }
        if (found == expected) return 0;
        fmt::print(
            "not ok: the emitted code has changed. If it should have: golden {} {} --accept, and review the diff. "
            "Now:\n{}",
            argv[1], argv[2], found);
        return 1;
    } catch (const std::exception& e) {
        fmt::print(stderr, "golden: {}\n", e.what());
        return 2;
    }
}
