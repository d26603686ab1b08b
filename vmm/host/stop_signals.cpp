// Turns the signals that ask a process to end into a readable event descriptor.
#include "vmm/host/stop_signals.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include <sys/eventfd.h>

#include "vmm/base/result.h"
#include "vmm/host/crash_report.h"

namespace ringfold::host {

namespace {

// All that would end the process by default and leave the terminal raw.
constexpr int kStopSignals[] = {SIGINT,  SIGTERM, SIGHUP,  SIGQUIT,   SIGALRM,
                                SIGUSR1, SIGUSR2, SIGXCPU, SIGVTALRM, SIGPROF};

int event = -1;
std::atomic<int> received{0};

void on_signal(int signal) {
    const int saved = errno;
    int none = 0;
    if (!received.compare_exchange_strong(none, signal)) {
        run_crash_hook();
        _exit(128 + signal);
    }
    const uint64_t one = 1;
    // The counter cannot overflow in practice, and a full one is readable too.
    if (::write(event, &one, sizeof one) < 0) errno = saved;
    errno = saved;
}

}  // namespace

int install_stop_signals() {
    if (event >= 0) return event;
    event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event < 0) throw HostError("cannot make an event descriptor: the limit on open files is too low (ulimit -n)");
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    for (int s : kStopSignals) sigaction(s, &action, nullptr);
    action.sa_handler = SIG_IGN;
    for (int s : {SIGPIPE, SIGXFSZ}) sigaction(s, &action, nullptr);
    return event;
}

int stop_signal() {
    return received.load();
}

}  // namespace ringfold::host
