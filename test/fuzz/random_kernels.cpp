// A thousand kernels of random bytes, with fixed seeds, each in a machine of its own: whatever the guest does, it
// ends in a guest fault, a reset, a wish to exit or the time limit. A crash of the monitor ends this program.
//
// usage: random_kernels bt|interp [SEED [COUNT]]       the seed and the count default to 1 and 1000
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "test/support/bare_machine.h"
#include "translator/engine/engine.h"
#include "vmm/base/result.h"
#include "vmm/host/crash_report.h"

using namespace ringfold;
using namespace ringfold::test;

namespace {

constexpr Nanoseconds kLimit = 20 * kMillisecond;
constexpr size_t kBytes = 64 << 10;

class Random {
public:
    explicit Random(uint32_t seed) : engine_(seed) {}
    uint32_t operator()() { return static_cast<uint32_t>(engine_()); }

private:
    std::mt19937 engine_;
};

// Kinds of noise: bytes alone fault within a few instructions, so other kernels get something to go on with.
enum class Shape { Noise, NoFaultTables, Paging, Sixteen };

// An IDT at 0x2000 whose every gate leads to a random place in the code: faults go on instead of ending the run.
void add_interrupt_table(Ram& ram, CpuState& cpu, Random& random) {
    for (uint32_t n = 0; n < 256; ++n) {
        const uint32_t target = kCodeAddress + random() % kBytes;
        const uint32_t gate[2] = {0x00080000 | (target & 0xffff), (target & 0xffff0000) | 0x8e00 | (random() % 2 << 8)};
        memcpy(ram.host(GuestPhys(0x2000 + 8 * n)), gate, 8);
    }
    cpu.idtr = {0x2000, 0x7ff};
}

// Page tables of random entries behind an identity map of the first 4 MiB.
void add_paging(Ram& ram, CpuState& cpu, Random& random) {
    for (uint32_t n = 0; n < 1024; ++n) {
        const uint32_t directory = n == 0 ? 0x4007 : random(),
                       table = (n << 12) | 7 | (random() % 32 == 0 ? random() & 0xfff : 0);
        memcpy(ram.host(GuestPhys(0x3000 + 4 * n)), &directory, 4);
        memcpy(ram.host(GuestPhys(0x4000 + 4 * n)), &table, 4);
    }
    cpu.cr3 = 0x3000;
    cpu.cr4 = random() & (cr4::PSE | cr4::PGE);
    cpu.cr0 |= cr0::PG | (random() & cr0::WP);
}

class RandomLoader final : public Loader {
public:
    explicit RandomLoader(uint32_t seed) : seed_(seed) {}
    void place(Ram& ram, CpuState& cpu) const override {
        Random random(seed_);
        for (size_t n = 0; n < kBytes; n += 4) {
            const uint32_t word = random();
            memcpy(ram.host(GuestPhys(kCodeAddress + n)), &word, 4);
        }
        enter_flat_protected_mode(ram, cpu, 0x1000, 0x08, 0x10);
        for (uint32_t& r : cpu.gpr) r = random() % 4 ? kCodeAddress + random() % (2 << 20) : random();
        cpu.eip = kCodeAddress + random() % kBytes;
        const auto shape = static_cast<Shape>(seed_ % 4);
        if (shape != Shape::Noise) add_interrupt_table(ram, cpu, random);
        if (shape == Shape::Paging) add_paging(ram, cpu, random);
        if (shape == Shape::Sixteen) cpu.segment[CS].attributes &= static_cast<uint16_t>(~0x4000);
    }

private:
    uint32_t seed_;
};

const char* name_of(Ending::Reason reason) {
    switch (reason) {
        case Ending::Reason::Reset:
            return "reset";
        case Ending::Reason::DebugExit:
            return "debug exit";
        case Ending::Reason::TripleFault:
            return "triple fault";
        case Ending::Reason::TimeLimit:
            return "time limit";
        default:
            return "?";
    }
}

Ending run_one(Accel accel, const char* engine, uint32_t seed) {
    Options options;
    options.memory_bytes = 4 << 20;
    options.accel = accel;
    options.translator.engine = engine;
    options.translator.policy.name = find_engine(engine)->policy;
    options.debug_exit = DebugExit{0xf4, 4};
    TestInput input;
    CharOutputs outputs;
    const RandomLoader loader(seed);
    Machine machine(options, loader, input, outputs);
    host::install_crash_report(&machine.state());
    const Ending ending = run_loop(machine, input, {.stop_fd = -1, .stop_at = input.clock().now() + kLimit});
    host::install_crash_report(nullptr);
    return ending;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view how = argc > 1 ? argv[1] : "interp";
    const Accel accel = how == "interp" ? Accel::Interpreter : Accel::Translator;
    const char* engine = how == "segments" ? "segments" : "windows";
    const auto first = static_cast<uint32_t>(argc > 2 ? atoi(argv[2]) : 1);
    const auto count = static_cast<uint32_t>(argc > 3 ? atoi(argv[3]) : 1000);
    host::install_crash_report(nullptr);  // before the translator's own handlers, which fall back on it
    std::map<std::string, int> endings;
    for (uint32_t seed = first; seed < first + count; ++seed) {
        // Before the run: if it crashes, the last line names the seed.
        if (seed % 50 == first % 50 || count == 1) fmt::print("from seed {}\n", seed);
        fflush(stdout);
        try {
            ++endings[name_of(run_one(accel, engine, seed).reason)];
        } catch (const std::exception& e) {
            fmt::print("seed {}: the monitor gave up: {}\n", seed, e.what());
            return 1;
        }
    }
    for (const auto& [name, times] : endings) fmt::print("{}: {}\n", name, times);
    return 0;
}
