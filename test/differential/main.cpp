// Random blocks drawn from the real instruction table, run on the host CPU and on each of ours. See --help.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <stdexcept>

#include <fmt/format.h>

#include "test/differential/comparison.h"
#include "test/differential/minimise.h"
#include "test/differential/random_state.h"
#include "test/support/case_options.h"
#include "test/support/test_layout.h"
#include "translator/classify/classifier.h"
#include "translator/decode/decoder.h"

using namespace ringfold;
using namespace ringfold::test;

namespace {

constexpr const char* kHelp =
    R"(usage: differential [--seed N] [--count N] [--cpus native,step,...] [--only ADD,...] [--failures N] [--supervisor] [--no-faults]
  --seed N      of the first block; block i has seed N + i (default: by the time, and printed)
  --count N     number of blocks; 0: go on until stopped (default 2000)
  --cpus LIST   the judge first: native or step (default: all, judged by the host CPU)
  --supervisor  blocks for CPL 0; the judge is then the interpreter, and nothing needs to be left out for the host
  --only LIST   rows of instructions.def to draw from
  --failures N  stop after so many (default 3)
  --no-faults   without the variants in which a page is unmapped or read-only
)";

struct Options : CaseOptions {
    Options() : CaseOptions(2000, 3) {}
    bool faults = true, supervisor = false;
    std::vector<std::string> cpus, only;
};

Options parse(int argc, char** argv) {
    Options o;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        const auto value = [&] {
            if (i + 1 >= argc) throw std::runtime_error(word + " needs a value");
            return std::string(argv[++i]);
        };
        if (o.take(word, value)) continue;
        if (word == "--cpus")
            o.cpus = split(value());
        else if (word == "--only")
            o.only = split(value());
        else if (word == "--supervisor")
            o.supervisor = true;
        else if (word == "--no-faults")
            o.faults = false;
        else
            throw std::runtime_error(kHelp);
    }
    if (o.supervisor && o.cpus.empty()) o.cpus = {"step", "interpreted", "soft", "direct", "hot", "innocent"};
    if (o.supervisor && o.cpus[0] == "native") throw std::runtime_error("--supervisor: the host CPU cannot judge that");
    return o;
}

class Session {
public:
    explicit Session(const Options& o)
        : o_(o), comparer_(available_cpus(o.cpus)), generator_(comparer_.judge(), o.supervisor, o.only) {}

    // True if all blocks ran alike.
    bool run() {
        for (uint64_t i = 0; (o_.count == 0 || i < o_.count) && failures_ < o_.failures; ++i) run_block(o_.seed + i);
        fmt::print("{} runs of {} blocks from seed {}: {} not comparable, {} ended by a fault; {} failures\n", runs_,
                   blocks_, o_.seed, incomparable_, faults_, failures_);
        for (const auto& [vector, count] : vectors_) fmt::print("    vector {:2}: {}\n", vector, count);
        fmt::print("    rows of the table drawn: {} of {}\n", rows_.size(), generator_.pool().size());
        // A hole in the generator would leave all green.
        const bool enough = failures_ || blocks_ < 2000 || rows_.size() * 10 >= generator_.pool().size() * 9;
        if (!enough) fmt::print("not ok: too few rows drawn\n");
        return failures_ == 0 && enough;
    }

    std::vector<std::string> rows_left_out() const { return rows_without_forms(generator_.pool(), comparer_.judge()); }

private:
    void run_block(uint64_t seed) {
        RandomSource random(seed);
        RandomBlock block = generator_.generate(random);
        ++blocks_;
        for (const PlacedInstruction& placed : block.instructions) {
            Instruction i;
            if (decode(placed.bytes, CodeSize::Bits32, i) == DecodeStatus::Ok) rows_.insert(i.row);
        }
        const bool ended_well = check(block, seed, "as generated");
        if (ended_well && o_.faults) inject_faults(block, seed, random);
        if (comparer_.judge() == Judge::Interpreter) put_devices(block, seed, random);
    }

    // The same with data, the stack perhaps, in device memory.
    void put_devices(const RandomBlock& block, uint64_t seed, RandomSource& random) {
        RandomBlock variant = block;
        for (PageImage& page : variant.start.pages) page.device = page.address >= kCodeEnd && random.chance(60);
        check(variant, seed, "with device memory");
    }

    // The same with a page taken away: the first access to it faults, with all that went before done.
    void inject_faults(const RandomBlock& block, uint64_t seed, RandomSource& random) {
        for (unsigned n = 0; n < 4; ++n) {
            RandomBlock variant = block;
            const size_t victim = random.below(static_cast<uint32_t>(variant.start.pages.size()));
            PageImage& page = variant.start.pages[victim];
            if (page.address < kCodeEnd) continue;
            if (page.writable && random.chance(50))
                page.writable = false;
            else
                variant.start.pages.erase(variant.start.pages.begin() + static_cast<std::ptrdiff_t>(victim));
            check(variant, seed, "with a page taken away");
        }
    }

    // True if the block ran to its HLT, alike on all.
    bool check(const RandomBlock& block, uint64_t seed, const char* what) {
        const Comparison c = comparer_.compare(block.start);
        ++runs_;
        if (c.verdict == Outcome::Incomparable) ++incomparable_;
        if (c.verdict == Outcome::Different) report(block, seed, what);
        if (c.verdict != Outcome::Same) return false;
        const bool ended =
            (c.judge.vector == 13 && is_hlt(c.judge)) || (c.judge.kind == EndKind::Halted && c.judge.vector == 0);
        if (!ended) {
            ++faults_;
            ++vectors_[c.judge.vector];
        }
        return ended;
    }

    static bool is_hlt(const CpuEnd& end) {
        for (const PageImage& page : end.pages)
            if (page.address == (end.eip & ~0xfffu)) return page.bytes[end.eip & 0xfff] == 0xf4;
        return false;
    }

    void report(const RandomBlock& block, uint64_t seed, const char* what) {
        ++failures_;
        const auto fails = [&](const CpuCase& c) { return comparer_.compare(c).verdict == Outcome::Different; };
        const RandomBlock small = minimise(block, fails);
        const Comparison c = comparer_.compare(small.start);
        const std::string title = fmt::format("Found by differential {}--seed {} --count 1 ({}).",
                                              o_.supervisor ? "--supervisor " : "", seed, what);
        fmt::print("not ok seed {}, {}:\n{}\n{}\n", seed, what, c.text, as_test_file(small, c.judge, title));
        fflush(stdout);
    }

    Options o_;
    Comparer comparer_;
    BlockGenerator generator_;
    uint64_t runs_ = 0, blocks_ = 0, incomparable_ = 0, faults_ = 0;
    unsigned failures_ = 0;
    std::map<unsigned, uint64_t> vectors_;
    std::set<const InstructionRow*> rows_;
};

}  // namespace

int main(int argc, char** argv) {
    try {
        const Options options = parse(argc, argv);
        Session session(options);
        if (options.only.empty()) {
            const auto missing = session.rows_left_out();
            for (const auto& name : missing) fmt::print("not ok: no encoding form of {} found\n", name);
            if (!missing.empty()) return 1;
        }
        return session.run() ? 0 : 1;
    } catch (const std::exception& e) {
        fmt::print(stderr, "{}\n", e.what());
        return 2;
    }
}
