// The program: options, one machine after the other until the guest is done, and the exit status.
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "vmm/base/log.h"
#include "vmm/base/result.h"
#include "vmm/display/sdl_screen.h"
#include "vmm/display/vnc_screen.h"
#include "vmm/firmware.h"
#include "vmm/guest_report.h"
#include "vmm/host/crash_report.h"
#include "vmm/host/stop_signals.h"
#include "vmm/loader.h"
#include "vmm/machine.h"
#include "vmm/monitor/control.h"
#include "vmm/monitor/monitors.h"
#include "vmm/monitor/terminal_monitor.h"
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
    enum class Next : uint8_t { End, NewMachine, Stopped } next = Next::End;
};

using Event = MachineControl::Event;

Verdict reset(const char* ending, const char* reason, bool guest, const Options& options, MachineControl& control) {
    if (log::enabled(log::CpuReset))
        log::write(fmt::format("CPU Reset ({})\n{}", ending, describe_registers(control.machine().state())));
    if (options.no_reboot) {
        control.tell({.kind = Event::Kind::Shutdown, .guest = guest, .reason = reason});
        return {ending, 0};
    }
    control.tell({.kind = Event::Kind::Reset, .guest = guest, .reason = reason});
    return {ending, 0, Verdict::Next::NewMachine};
}

Verdict grant(MachineControl::Wish wish, const Options& options, MachineControl& control) {
    control.granted();
    switch (wish) {
        case MachineControl::Wish::Quit:
            control.tell({.kind = Event::Kind::Shutdown, .reason = "host-qmp-quit"});
            break;
        case MachineControl::Wish::Close:
            control.tell({.kind = Event::Kind::Shutdown, .reason = "host-ui"});
            break;
        case MachineControl::Wish::Reset:
            return reset("reset", "host-qmp-system-reset", false, options, control);
        case MachineControl::Wish::Load:
            return {"loadvm", 0, Verdict::Next::NewMachine};
    }
    return {"quit", 0};
}

Verdict judge(const Ending& ending, const Options& options, Machine& machine, MachineControl& control) {
    switch (ending.reason) {
        case Ending::Reason::DebugExit:
            return {"debug exit", ending.status};
        case Ending::Reason::StopSignal:
            control.tell({.kind = Event::Kind::Shutdown, .reason = "host-signal"});
            return {"signal", kSignalBase + ending.status};
        case Ending::Reason::PowerOff:
            control.tell({.kind = Event::Kind::Shutdown, .guest = true, .reason = "guest-shutdown"});
            return {"power off", 0, options.no_shutdown ? Verdict::Next::Stopped : Verdict::Next::End};
        case Ending::Reason::Reset:
            return reset("reset", "guest-reset", true, options, control);
        case Ending::Reason::TripleFault: {
            Verdict verdict = reset("triple fault", "guest-reset", true, options, control);
            if (verdict.next != Verdict::Next::End) return verdict;
            restore_terminal();
            report_triple_fault(machine);
            verdict.status = kGuestCrashed;
            return verdict;
        }
        case Ending::Reason::Wish:
            return grant(*control.wish(), options, control);
        case Ending::Reason::Left:
        case Ending::Reason::TimeLimit:
            break;
    }
    return {"left", 0};
}

// -pidfile: there as long as we run.
class PidFile {
public:
    explicit PidFile(std::string path) : path_(std::move(path)) {
        if (path_.empty()) return;
        std::ofstream file(path_);
        file << getpid() << '\n';
        file.close();
        if (!file) throw HostError(fmt::format("-pidfile {}: cannot write it: {}", path_, strerror(errno)));
    }
    ~PidFile() {
        if (!path_.empty()) unlink(path_.c_str());
    }
    PidFile(const PidFile&) = delete;
    PidFile& operator=(const PidFile&) = delete;

private:
    std::string path_;
};

void set_up_log(const Options& options) {
    if (!options.log_file.empty()) log::open(options.log_file.c_str());
    log::enabled_categories = log::parse_categories(options.log_categories);
}

void load_at_start(MachineControl& control, const std::string& name) {
    try {
        control.load_snapshot(name);
    } catch (const HostError& e) {
        throw HostError(fmt::format("-loadvm {}: {}", name, e.what()));
    }
    control.granted();
}

int run(Options options) {
    set_up_log(options);
    if (!options.stats_file.empty()) check_statistics_file(options.stats_file);
    const auto loader = options.kernel.empty()
                            ? std::unique_ptr<Loader>(std::make_unique<Firmware>(options.pc.bios, options.pc.firmware_folders))
                            : make_loader({options.kernel, options.initrd, options.append}, options.memory_bytes);
    const auto files = read_fw_cfg_files(options.fw_cfg_items);
    const bool curses = options.pc.display == Display::Curses;
    if (curses && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
        throw HostError("-display curses: standard input and output must be a terminal; write -display none");
    host::install_crash_report(nullptr);
    const int stop_fd = host::install_stop_signals();
    std::unique_ptr<Terminal> terminal;
    HostInput input;
    CharOutputs outputs;
    outputs.open(options.ends, input.mailbox());
    std::unique_ptr<CursesScreen> screen;
    if (options.rtc_base) input.set_wall(*options.rtc_base * kSecond);
    if (options.rtc_local) input.show_local_time();
    const Drives drives(options.drives, input.mailbox());
    const Networks networks(options.nics, input.mailbox());
    std::unique_ptr<VncScreen> viewers;
    if (options.vnc)
        viewers = std::make_unique<VncScreen>(*options.vnc, options.keyboard_layout, input.clock(), input.mailbox());
    MachineControl control(options, input, &drives);
    if (viewers && viewers->has_password())
        control.on_password([&viewers](const std::string& password) { viewers->set_password(password); });
    std::unique_ptr<SdlScreen> window;
    if (options.pc.display == Display::Sdl)
        window = std::make_unique<SdlScreen>(options.name, input.clock(), input.mailbox(),
                                             [&control] { control.enqueue([&control] { control.close(); }); });
    TerminalMonitor terminal_monitor(control);
    Monitors monitors(options, control, input);
    const PidFile pid_file(options.pid_file);

    RunSummary summary{.accel = options.accel == Accel::Translator ? "bt" : "interp"};
    const double start = seconds_of(CLOCK_MONOTONIC);
    std::unique_ptr<Snapshot> snapshot;
    bool talking = false;
    std::string load_first = options.load_snapshot;
    for (;;) {
        Machine machine(options, *loader, input, outputs, options.drives.list.empty() ? nullptr : &drives,
                        &networks, snapshot.get(), files);
        snapshot.reset();
        control.attach(machine);
        if (!load_first.empty()) {
            // It is checked against a machine, and goes into a new one.
            load_at_start(control, std::exchange(load_first, ""));
            snapshot = control.take_loaded();
            continue;
        }
        // Raw mode only now: whatever kept the machine from being built was said on an ordinary terminal.
        const auto on_terminal = options.ends.port_on_terminal();
        const bool keys = on_terminal && options.ends.serials[*on_terminal]->keys;
        if (!terminal && (curses || on_terminal)) {
            terminal = std::make_unique<Terminal>(curses || keys);
            input.connect(terminal.get());
            if (curses) screen = std::make_unique<CursesScreen>(input.clock());
            if (!curses && keys)
                terminal->connect_monitor([&](uint8_t byte) { terminal_monitor.key(byte); },
                                          [&](bool here) { terminal_monitor.focus(here); });
        }
        if (screen) machine.show_on(*screen);
        if (viewers) machine.show_on(viewers->screen());
        if (window) machine.show_on(window->screen());
        if (!std::exchange(talking, true)) {
            outputs.serve();
            monitors.serve();
        }
        host::install_crash_report(&machine.state());
        Ending ending = run_loop(machine, input, {.stop_fd = stop_fd, .control = &control});
        Verdict verdict = judge(ending, options, machine, control);
        while (verdict.next == Verdict::Next::Stopped) {
            control.shut_down();
            machine.forget_request();
            ending = run_loop(machine, input, {.stop_fd = stop_fd, .control = &control});
            verdict = judge(ending, options, machine, control);
        }
        host::install_crash_report(nullptr);
        if (verdict.next == Verdict::Next::NewMachine) {
            snapshot = control.take_loaded();
            if (!snapshot) {
                control.was_reset();
                ++summary.resets;
                options.pc.boot_once.clear();
            }
            continue;
        }
        screen.reset();
        terminal.reset();
        if (machine.vga() && !options.pc.screendump.empty())
            write_screen(*machine.vga(), options.pc.screendump, "-screendump", screen_format(options.pc.screendump));
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
