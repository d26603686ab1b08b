// A helper thread in poll(2) on a timerfd, the input and the stop event.
#include "vmm/host/waker.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include "vmm/base/result.h"
#include "vmm/host/block_signals.h"
#include "vmm/host/prompt_thread.h"

namespace ringfold::host {

namespace {

constexpr Nanoseconds kLongAgo = 1;  // an absolute time of zero would disarm a timerfd

timespec to_timespec(Nanoseconds t) {
    return {.tv_sec = t / kSecond, .tv_nsec = t % kSecond};
}

void drain(int fd) {
    uint64_t count;
    if (::read(fd, &count, sizeof count) < 0) return;  // another reader was first
}

}  // namespace

Waker::Waker(int stop_fd, std::function<void()> wake)
    : stop_fd_(stop_fd),
      wake_(std::move(wake)),
      timer_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)),
      poke_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!timer_ || !poke_)
        throw HostError("cannot make a timer descriptor: the limit on open files is too low (ulimit -n)");
    const BlockSignals blocked;
    thread_ = std::thread([this] { run(); });
}

Waker::~Waker() {
    quit_ = true;
    poke();
    thread_.join();
}

void Waker::poke() {
    const uint64_t one = 1;
    if (::write(poke_.get(), &one, sizeof one) < 0) return;  // the counter is full: readable already
}

void Waker::arm(std::optional<Nanoseconds> deadline, int input_fd) {
    if (deadline != armed_deadline_ || timer_fired_.exchange(false)) {
        itimerspec when{};
        if (deadline) when.it_value = to_timespec(std::max(*deadline, kLongAgo));
        timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
        armed_deadline_ = deadline;
    }
    if (input_fd_.exchange(input_fd) != input_fd && input_fd >= 0) poke();
}

void Waker::run() {
    be_prompt();
    bool stop_seen = false;
    while (!quit_) {
        const int input = input_fd_.load();
        pollfd fds[] = {{timer_.get(), POLLIN, 0},
                        {poke_.get(), POLLIN, 0},
                        {input, POLLIN, 0},
                        {stop_seen ? -1 : stop_fd_, POLLIN, 0}};
        if (poll(fds, std::size(fds), -1) < 0) continue;
        if (fds[1].revents) drain(poke_.get());
        if (fds[0].revents) {
            drain(timer_.get());
            timer_fired_ = true;
        }
        if (fds[2].revents) {
            int expected = input;
            input_fd_.compare_exchange_strong(expected, -1);
        }
        if (fds[3].revents) stop_seen = true;  // it stays readable
        if ((fds[0].revents || fds[2].revents || fds[3].revents) && !asleep_) wake_();
    }
}

void Waker::sleep(std::optional<Nanoseconds> deadline, int input_fd, int mail_fd) {
    asleep_ = true;
    // The thread's own timer would only wake it for nothing. The input, which comes seldom, may: to change it would
    // wake the thread each time.
    arm(std::nullopt, input_fd);
    pollfd fds[] = {{input_fd, POLLIN, 0}, {stop_fd_, POLLIN, 0}, {mail_fd, POLLIN, 0}};
    timespec timeout{};
    if (deadline) {
        timespec now{};
        clock_gettime(CLOCK_MONOTONIC, &now);
        timeout = to_timespec(std::max<Nanoseconds>(*deadline - (now.tv_sec * kSecond + now.tv_nsec), 0));
    }
    ppoll(fds, std::size(fds), deadline ? &timeout : nullptr, nullptr);
    asleep_ = false;
}

}  // namespace ringfold::host
