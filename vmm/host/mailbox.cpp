// A list behind a mutex, and an eventfd for who sleeps.
#include "vmm/host/mailbox.h"

#include <unistd.h>

#include <cstdint>
#include <utility>

#include <sys/eventfd.h>

#include "vmm/base/result.h"

namespace ringfold::host {

Mailbox::Mailbox() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!event_) throw HostError("cannot make an event descriptor: the limit on open files is too low (ulimit -n)");
}

void Mailbox::post(std::function<void()> letter) {
    const std::lock_guard lock(mutex_);
    letters_.push_back(std::move(letter));
    waiting_ = true;
    const uint64_t one = 1;
    if (::write(event_.get(), &one, sizeof one) < 0) return;  // full, so readable already
    if (wake_) wake_();
}

void Mailbox::deliver() {
    if (!waiting_.load(std::memory_order_relaxed)) return;
    size_t come;
    {
        const std::lock_guard lock(mutex_);
        come = letters_.size();
    }
    while (come-- > 0) {
        std::function<void()> letter;
        {
            const std::lock_guard lock(mutex_);
            if (letters_.empty()) return;
            letter = std::move(letters_.front());
            letters_.pop_front();
            if (letters_.empty()) {
                waiting_ = false;
                uint64_t count;
                if (::read(event_.get(), &count, sizeof count) < 0) count = 0;  // nothing to take back
            }
        }
        letter();
    }
}

void Mailbox::on_post(std::function<void()> wake) {
    const std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
}

}  // namespace ringfold::host
