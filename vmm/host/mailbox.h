// What other threads have for the vCPU's thread. It opens its letters between two runs of the CPU, in the order in
// which they came: so devices need no locks, and what happens when can be recorded in one place.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <mutex>

#include "vmm/host/fd.h"

namespace ringfold::host {

class Mailbox {
public:
    Mailbox();  // throws HostError

    void post(std::function<void()> letter);  // on any thread
    // On the vCPU's thread: calls all that has come so far. A letter may itself wait for later ones by delivering them.
    void deliver();
    int fd() const { return event_.get(); }  // readable while there is a letter
    // `wake` is called on the poster's thread after each letter: Cpu::kick() and the like.
    void on_post(std::function<void()> wake);

private:
    Fd event_;
    std::mutex mutex_;
    std::atomic<bool> waiting_{false};
    std::deque<std::function<void()>> letters_;
    std::function<void()> wake_;
};

}  // namespace ringfold::host
