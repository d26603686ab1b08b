// Interrupts the guest from outside: a thread that sleeps on a timer and on file descriptors and calls back once
// when one of them is due. The devices themselves run on the vCPU's thread only.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "vmm/host/clock.h"
#include "vmm/host/fd.h"

namespace ringfold::host {

class Waker {
public:
    // `wake` is called on the waker's thread: Cpu::kick() and the like. `stop_fd` is watched always, -1 for none.
    Waker(int stop_fd, std::function<void()> wake);
    ~Waker();
    Waker(const Waker&) = delete;
    Waker& operator=(const Waker&) = delete;

    // Calls back at `deadline` (CLOCK_MONOTONIC) and when `input_fd` (-1 for none) becomes readable; replaces what
    // was armed before. An input that has called back stays silent until it is armed anew.
    void arm(std::optional<Nanoseconds> deadline, int input_fd);

    // Sleeps on the calling thread until the same events, or until `mail_fd` is readable. No call back comes meanwhile.
    void sleep(std::optional<Nanoseconds> deadline, int input_fd, int mail_fd);

private:
    void run();
    void poke();

    int stop_fd_;
    std::function<void()> wake_;
    Fd timer_, poke_;
    std::optional<Nanoseconds> armed_deadline_;
    std::atomic<bool> timer_fired_{false};  // so armed_deadline_ is no longer armed
    std::atomic<int> input_fd_{-1};
    std::atomic<bool> asleep_{false}, quit_{false};
    std::thread thread_;
};

}  // namespace ringfold::host
