// What translation costs, without running anything: all blocks of a 32-bit ELF program's code, one behind the other,
// translated soft and direct. Prints time-stamp cycles per guest instruction, the median of several rounds, and what
// the code grows to. Nothing here executes translated code, so `valgrind --tool=callgrind` can count its instructions.
//
// usage: translate ELF-FILE [rounds]
#include <elf.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include <fmt/format.h>
#include <x86intrin.h>

#include "translator/decode/decoder.h"
#include "translator/engine/engine.h"
#include "translator/translator.h"

using namespace ringfold;

namespace {

struct NoDevices final : MmioIo {
    uint64_t read(GuestPhys, unsigned) override { return ~uint64_t{0}; }
    void write(GuestPhys, unsigned, uint64_t) override {}
};

std::vector<uint8_t> code_of(const char* path) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<uint8_t> bytes{std::istreambuf_iterator<char>(file), {}};
    Elf32_Ehdr header{};
    if (bytes.size() >= sizeof header) memcpy(&header, bytes.data(), sizeof header);
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_machine != EM_386) return {};
    for (unsigned n = 0; n < header.e_phnum; ++n) {
        Elf32_Phdr part{};
        const size_t at = header.e_phoff + n * sizeof part;
        if (at + sizeof part > bytes.size()) return {};
        memcpy(&part, &bytes[at], sizeof part);
        if (part.p_type != PT_LOAD || !(part.p_flags & PF_X) || uint64_t{part.p_offset} + part.p_filesz > bytes.size())
            continue;
        // The entry point comes behind the tables that a linker may put into the same segment.
        const uint32_t skip = header.e_entry - part.p_vaddr < part.p_filesz ? header.e_entry - part.p_vaddr : 0;
        return {bytes.begin() + part.p_offset + skip, bytes.begin() + part.p_offset + part.p_filesz};
    }
    return {};
}

struct Result {
    double cycles, growth, instructions_per_block;
};

class Bench {
public:
    explicit Bench(const std::vector<uint8_t>& code)
        : end_(static_cast<uint32_t>(kStart + code.size())), ram_((end_ + kPageSize) & ~uint64_t{kPageSize - 1}) {
        memcpy(ram_.host(GuestPhys(kStart)), code.data(), code.size());
        for (SegmentRegister& s : state_.segment) s.limit = 0xffffffff;
    }

    // Cycles for each instruction, without emission.
    double decode_all() {
        uint64_t instructions = 0;
        const uint64_t start = __rdtsc();
        Instruction i;
        for (uint32_t at = kStart; at + kMaxInstructionLength < end_; at += i.length, ++instructions)
            decode({ram_.host(GuestPhys(at)), kMaxInstructionLength}, CodeSize::Bits32, i);
        return static_cast<double>(__rdtsc() - start) / static_cast<double>(instructions);
    }

    Result translate_all(const char* policy, bool direct) {
        NoDevices devices;
        MemoryTracer tracer(ram_.size());
        GuestMemory memory(ram_, devices, tracer, state_);
        const Adaptation adaptation({.name = policy});
        const auto context = std::make_unique<VcpuContext>();
        const auto engine = find_engine("windows")->make(*context, memory, adaptation, EngineOptions{.cache_bytes = size_t{256} << 20}, {});
        BlockTable table(engine->cache(), tracer, ram_.size());
        table.set_engine(engine.get());
        DecodeMemo memo;
        Translator translator(memory, *engine, table, {}, adaptation, memo);
        for (uint32_t at = kStart; at + kMaxInstructionLength < end_;) {
            const auto answer = memory.code_mapping(GuestVirt(at), Privilege::Supervisor);
            const Mapping& mapping = std::get<Mapping>(answer);
            const Block* block = translator.translate({mapping.physical, GuestVirt(at), {.direct = direct}}, GuestVirt(at), mapping);
            at += block ? block->guest_length : 1;
        }
        const Translator::Counts& c = translator.counts();
        const auto per = [](uint64_t n, uint64_t of) { return static_cast<double>(n) / static_cast<double>(of); };
        return {per(c.cycles, c.instructions), per(c.host_bytes, c.guest_bytes), per(c.instructions, c.blocks)};
    }

private:
    static constexpr uint32_t kStart = 0x100000;
    uint32_t end_;
    Ram ram_;
    CpuState state_;
};

double median(std::vector<double> values) {
    std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2), values.end());
    return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
    const int rounds = argc > 2 ? std::max(1, atoi(argv[2])) : 5;
    const std::vector<uint8_t> code = argc > 1 ? code_of(argv[1]) : std::vector<uint8_t>{};
    if (code.empty()) {
        fmt::print(stderr, "usage: translate ELF-FILE [rounds]; the file must be a 32-bit x86 program\n");
        return 1;
    }
    Bench bench(code);
    std::vector<double> decoding, soft, direct;
    Result last_soft{}, last_direct{};
    for (int n = 0; n < rounds; ++n) {
        decoding.push_back(bench.decode_all());
        soft.push_back((last_soft = bench.translate_all("never-direct", false)).cycles);
        direct.push_back((last_direct = bench.translate_all("always-direct", true)).cycles);
    }
    fmt::print("{} bytes of code, {:.1f} instructions a block\n", code.size(), last_soft.instructions_per_block);
    fmt::print("decode  {:7.0f} cycles an instruction\n", median(decoding));
    fmt::print("soft    {:7.0f} cycles an instruction, {:5.2f} host bytes a guest byte\n", median(soft),
               last_soft.growth);
    fmt::print("direct  {:7.0f} cycles an instruction, {:5.2f} host bytes a guest byte\n", median(direct),
               last_direct.growth);
}
