// Runs a machine until it ends.
#include "vmm/run_loop.h"

#include <algorithm>

#include "vmm/host/stop_signals.h"
#include "vmm/host/waker.h"
#include "vmm/monitor/control.h"

namespace ringfold {

namespace {

class Loop {
public:
    Loop(Machine& machine, Input& input, const RunLimits& limits)
        : machine_(machine),
          input_(input),
          limits_(limits),
          waker_(limits.stop_fd, [&machine] { machine.cpu().kick(); }) {
        machine_.on_deadline_moved([this] { arm(); });
        input_.mailbox().on_post([&machine] { machine.cpu().kick(); });
    }
    ~Loop() {
        input_.mailbox().on_post({});
        machine_.on_deadline_moved({});
    }

    Ending run() {
        Ending ending = run_until_ended();
        ending.times = times_;
        return ending;
    }

private:
    Ending run_until_ended() {
        for (;;) {
            machine_.service();
            if (limits_.control) limits_.control->run_commands();
            if (auto ending = ended()) return *ending;
            if (machine_.stalled() || (limits_.control && !limits_.control->running())) {
                wait_stopped();
                continue;
            }
            arm();
            spent(times_.devices);
            ++times_.runs;
            const Exit exit = machine_.cpu().run();
            spent(times_.cpu);
            if (std::holds_alternative<TripleFault>(exit)) return {Ending::Reason::TripleFault};
            if (std::holds_alternative<Halted>(exit)) sleep();
        }
    }

    // Books the time since the last call.
    void spent(Nanoseconds& account) {
        const Nanoseconds now = input_.clock().now();
        account += now - booked_until_;
        booked_until_ = now;
    }

    std::optional<Ending> ended() const {
        if (auto request = machine_.request()) {
            switch (request->kind) {
                case Machine::Request::Kind::Reset:
                    return Ending{Ending::Reason::Reset};
                case Machine::Request::Kind::PowerOff:
                    return Ending{Ending::Reason::PowerOff};
                case Machine::Request::Kind::DebugExit:
                    return Ending{Ending::Reason::DebugExit, request->status};
            }
        }
        if (limits_.control && limits_.control->wish()) return Ending{Ending::Reason::Wish};
        if (machine_.left()) return Ending{Ending::Reason::Left};
        if (const int signal = host::stop_signal()) return Ending{Ending::Reason::StopSignal, signal};
        if (limits_.stop_at && input_.clock().now() >= *limits_.stop_at) return Ending{Ending::Reason::TimeLimit};
        return std::nullopt;
    }

    // The next moment at which the loop has something to do, on the host's clock.
    std::optional<Nanoseconds> deadline() const {
        std::optional<Nanoseconds> next = machine_.next_deadline();
        if (limits_.stop_at) next = std::min(next.value_or(*limits_.stop_at), *limits_.stop_at);
        if (next) next = input_.to_monotonic(*next);
        return next;
    }

    void arm() { waker_.arm(deadline(), input_.console_fd()); }

    // Only somebody outside can change that the CPU does not run.
    void wait_stopped() {
        waker_.sleep(std::nullopt, input_.console_fd(), input_.mailbox().fd());
        spent(times_.idle);
    }

    void sleep() {
        // An event that came between HLT and here has its time in the past, or its descriptor readable.
        waker_.sleep(deadline(), input_.console_fd(), input_.mailbox().fd());
        ++times_.sleeps;
        spent(times_.idle);
    }

    Machine& machine_;
    Input& input_;
    const RunLimits& limits_;
    host::Waker waker_;
    LoopTimes times_;
    Nanoseconds booked_until_ = input_.clock().now();
};

}  // namespace

Ending run_loop(Machine& machine, Input& input, const RunLimits& limits) {
    return Loop(machine, input, limits).run();
}

}  // namespace ringfold
