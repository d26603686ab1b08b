// The list of CPU kinds that tests run on.
#include "test/support/cpu_under_test.h"

#include <signal.h>

#include <algorithm>
#include <functional>
#include <stdexcept>

#include <fmt/format.h>
#include <sys/time.h>

#include "test/support/guest_machine.h"
#include "test/support/native_cpu.h"
#include "translator/interpreted_cpu.h"
#include "translator/interpreter/interpreter.h"
#include "translator/translated_cpu.h"
#include "vmm/base/result.h"

namespace ringfold::test {

namespace {

class NativeUnderTest final : public CpuUnderTest {
public:
    const char* name() const override { return "native"; }
    bool is_native() const override { return true; }
    CpuEnd run(const CpuCase& c) override { return cpu_.run(c); }

private:
    NativeCpu cpu_;
};

// The interpreter, one step() at a time.
class SteppedUnderTest final : public CpuUnderTest {
public:
    const char* name() const override { return "step"; }
    CpuEnd run(const CpuCase& c) override {
        machine_.load(c);
        for (uint32_t i = 0; i < c.max_steps && machine_.state().activity == Activity::Running; ++i)
            interpreter_.step();
        return machine_.collect(c);
    }

private:
    GuestMachine machine_;
    Interpreter interpreter_{machine_.state(), machine_.memory(), machine_.ports()};
};

// A timer that kicks the CPU that runs, for code that never ends.
class Watchdog {
public:
    explicit Watchdog(Cpu& cpu) {
        running_ = &cpu;
        rang_ = 0;
        struct sigaction action {};
        action.sa_handler = ring;
        action.sa_flags = SA_ONSTACK | SA_RESTART;
        sigaction(SIGALRM, &action, nullptr);
        set(kSeconds);
    }
    ~Watchdog() {
        set(0);
        running_ = nullptr;
    }
    bool rang() const { return rang_; }

private:
    static constexpr int kSeconds = 5;  // no code that the judge saw end takes that long, even where the machine is busy
    static void ring(int) {
        rang_ = 1;
        if (running_) running_->kick();
    }
    static void set(int seconds) {
        const itimerval limit{{0, 0}, {seconds, 0}};
        setitimer(ITIMER_REAL, &limit, nullptr);
    }
    static inline Cpu* running_ = nullptr;
    static inline volatile sig_atomic_t rang_ = 0;
};

// Any Cpu, by its run().
class RunUnderTest final : public CpuUnderTest {
public:
    using Make = std::function<std::unique_ptr<Cpu>(GuestMachine&)>;
    RunUnderTest(const char* name, const Make& make, unsigned life = 0)
        : name_(name), make_(make), life_(life), cpu_(make(machine_)) {}
    const char* name() const override { return name_; }
    CpuEnd run(const CpuCase& c) override {
        machine_.load(c);
        if (life_ && ++runs_ % life_ == 0) {
            cpu_.reset();
            cpu_ = make_(machine_);
        }
        const Watchdog watchdog(*cpu_);
        while (!watchdog.rang() && std::holds_alternative<Interrupted>(cpu_->run())) {
        }
        return machine_.collect(c);
    }

private:
    const char* name_;
    Make make_;
    unsigned life_;  // runs until a new CPU takes its place, one that has learnt nothing; 0: for ever
    unsigned runs_ = 0;
    GuestMachine machine_;
    std::unique_ptr<Cpu> cpu_;
};

std::unique_ptr<Cpu> make_interpreted(GuestMachine& m) {
    return std::make_unique<InterpretedCpu>(m.state(), m.memory(), m.ports(), m.interrupts());
}

// The translator by one policy. The cache is small, so that long runs come to evict.
std::unique_ptr<CpuUnderTest> make_translated(const char* name, const char* policy, const Thresholds& thresholds = {},
                                              const char* engine = "windows", unsigned life = 0) {
    const auto make = [=](GuestMachine& m) {
        TranslatorOptions options;
        options.engine = engine;
        options.engine_options.cache_bytes = 4 << 20;
        options.policy = {.name = policy, .thresholds = thresholds};
        return std::make_unique<TranslatedCpu>(m.context(), m.memory(), m.ports(), m.interrupts(), options);
    };
    return std::make_unique<RunUnderTest>(name, make, life);
}

struct CpuKind {
    std::string name;
    std::function<std::unique_ptr<CpuUnderTest>()> make;
    bool by_name_only = false;
};

const std::vector<CpuKind>& kinds() {
    static const std::vector<CpuKind> list = {
        {"native", [] { return std::make_unique<NativeUnderTest>(); }},
        {"step", [] { return std::make_unique<SteppedUnderTest>(); }},
        {"interpreted", [] { return std::make_unique<RunUnderTest>("interpreted", make_interpreted); }},
        {"soft", [] { return make_translated("soft", "never-direct"); }},
        {"direct", [] { return make_translated("direct", "always-direct"); }},
        {"hot", [] { return make_translated("hot", "hot", {.translate_at = 1, .direct_after = 2, .window_after = 4}); }},
        {"segments", [] { return make_translated("segments", "innocent", {.guilty_score = 1, .retry_after = 2}, "segments"); }},
        // A process can have one machine of that engine. This one seldom comes to know that an access is the interpreter's.
        {"segments-direct", [] { return make_translated("segments-direct", "always-direct", {}, "segments", 300); }, true},
        {"innocent", [] { return make_translated("innocent", "innocent", {.guilty_score = 1, .retry_after = 2}); }},
    };
    return list;
}

}  // namespace

std::vector<std::unique_ptr<CpuUnderTest>> available_cpus(const std::vector<std::string>& names) {
    std::vector<std::unique_ptr<CpuUnderTest>> cpus;
    for (const auto& name : names)
        if (std::none_of(kinds().begin(), kinds().end(), [&](const CpuKind& k) { return k.name == name; }))
            throw std::runtime_error("no CPU kind named " + name);
    for (const auto& kind : kinds())
        if (std::find(names.begin(), names.end(), kind.name) != names.end())
            cpus.push_back(kind.make());
        else if (names.empty() && !kind.by_name_only) try {
                cpus.push_back(kind.make());
            } catch (const HostError& e) {
                fmt::print(stderr, "{} cannot run on this host: {}\n", kind.name, e.what());
            }
    return cpus;
}

}  // namespace ringfold::test
