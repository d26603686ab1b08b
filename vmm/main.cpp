// The program: options, one machine after the other until the guest is done, and the exit status.
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "vmm/base/log.h"
#include "vmm/base/result.h"
#include "vmm/firmware.h"
#include "vmm/guest_report.h"
#include "vmm/host/crash_report.h"
#include "vmm/host/stop_signals.h"
#include "vmm/loader.h"
#include "vmm/machine.h"
#include "vmm/options.h"
#include "vmm/run_loop.h"
#include "vmm/screenshot.h"
#include "vmm/statistics.h"
#include "vmm/terminal.h"

namespace ringfold {

namespace {

constexpr int kGuestCrashed = 2, kSignalBase = 128;

double seconds_of(clockid_t clock) {
    timespec t{};
    clock_gettime(clock, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

void report_triple_fault(Machine& machine) {
    const CpuState& state = machine.state();
    fmt::print(stderr,
               "\nringfold: the guest triple-faulted: a fault came while it could not deliver a double fault.\n{}{}",
               describe_registers(state), describe_code(state, machine.memory()));
}

struct Verdict {
    const char* ending;
    int status;
    bool again = false;  // reset and go on
};

Verdict judge(const Ending& ending, const Options& options, Machine& machine) {
    switch (ending.reason) {
        case Ending::Reason::DebugExit:
            return {"debug exit", ending.status};
        case Ending::Reason::StopSignal:
            return {"signal", kSignalBase + ending.status};
        case Ending::Reason::PowerOff:
            return {"power off", 0};
        case Ending::Reason::Reset:
            return {"reset", 0, !options.no_reboot};
        case Ending::Reason::TripleFault:
            if (!options.no_reboot) return {"triple fault", 0, true};
            restore_terminal();
            report_triple_fault(machine);
            return {"triple fault", kGuestCrashed};
        case Ending::Reason::Left:
        case Ending::Reason::TimeLimit:
            break;
    }
    return {"left", 0};
}

void set_up_log(const Options& options) {
    if (!options.log_file.empty()) log::open(options.log_file.c_str());
    log::enabled_categories = log::parse_categories(options.log_categories);
}

int run(const Options& options) {
    set_up_log(options);
    if (!options.stats_file.empty()) check_statistics_file(options.stats_file);
    const auto loader = options.kernel.empty()
                            ? std::unique_ptr<Loader>(std::make_unique<Firmware>(options.pc.bios))
                            : make_loader({options.kernel, options.initrd, options.append}, options.memory_bytes);
    Machine::Outputs outputs{.serial = Output("-serial", options.serial),
                             .debugcon = Output("-debugcon", options.debugcon)};
    const bool curses = options.pc.display == Display::Curses;
    if (curses && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
        throw HostError("-display curses: standard input and output must be a terminal; write -display none");
    host::install_crash_report(nullptr);
    const int stop_fd = host::install_stop_signals();
    std::unique_ptr<Terminal> terminal;
    HostInput input;
    std::unique_ptr<CursesScreen> screen;
    const Drives drives(options.drives, input.mailbox());
    const Networks networks(options.nics, input.mailbox());
    std::unique_ptr<VncScreen> viewers;
    if (options.vnc)
        viewers = std::make_unique<VncScreen>(*options.vnc, options.keyboard_layout, input.clock(), input.mailbox());

    RunSummary summary{.accel = options.accel == Accel::Translator ? "bt" : "interp"};
    const double start = seconds_of(CLOCK_MONOTONIC);
    for (;; ++summary.resets) {
        Machine machine(options, *loader, input, outputs, options.drives.list.empty() ? nullptr : &drives, &networks);
        // Raw mode only now: whatever kept the machine from being built was said on an ordinary terminal.
        if (!terminal && (curses || options.serial.kind == CharBackend::Kind::Terminal)) {
            terminal = std::make_unique<Terminal>(curses || options.serial.keys);
            input.connect(terminal.get());
            if (curses) screen = std::make_unique<CursesScreen>(input.clock());
        }
        if (screen) machine.show_on(*screen);
        if (viewers) machine.show_on(*viewers);
        host::install_crash_report(&machine.state());
        const Ending ending = run_loop(machine, input, {.stop_fd = stop_fd});
        host::install_crash_report(nullptr);
        const Verdict verdict = judge(ending, options, machine);
        if (verdict.again) continue;
        screen.reset();
        terminal.reset();
        if (machine.vga() && !options.pc.screendump.empty())
            write_screen(*machine.vga(), options.pc.screendump, "-screendump");
        summary.seconds = seconds_of(CLOCK_MONOTONIC) - start;
        summary.cpu_seconds = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
        summary.ending = verdict.ending;
        summary.exit_status = verdict.status;
        summary.times = ending.times;
        if (!options.stats_file.empty()) write_statistics(options.stats_file, machine, summary);
        return verdict.status;
    }
}

int main_checked(int argc, char* argv[]) {
    const Options options = parse_options(argc, argv);
    switch (options.action) {
        case Options::Action::ShowHelp:
            fputs(help_text().c_str(), stdout);
            return 0;
        case Options::Action::ShowVersion:
            fputs(version_text().c_str(), stdout);
            return 0;
        case Options::Action::Run:
            break;
    }
    return run(options);
}

}  // namespace

}  // namespace ringfold

int main(int argc, char* argv[]) {
    try {
        return ringfold::main_checked(argc, argv);
    } catch (const ringfold::HostError& e) {
        ringfold::restore_terminal();
        fmt::print(stderr, "ringfold: {}\n", e.what());
    } catch (const std::bad_alloc&) {
        ringfold::restore_terminal();
        fmt::print(stderr, "ringfold: the host is out of memory; give the guest less with -m\n");
    }
    return 1;
}
