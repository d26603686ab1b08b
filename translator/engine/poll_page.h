// What polls read or write: a page that is inaccessible while an event waits. Changing that is a system call for each
// event, and the poll is one load or store.
#pragma once

#include <atomic>
#include <cstdint>

namespace ringfold {

class PollPage {
public:
    // A page of the caller's, mapped for reading and writing.
    explicit PollPage(const void* page) : page_(reinterpret_cast<uint64_t>(page)) {}
    PollPage(const PollPage&) = delete;
    PollPage& operator=(const PollPage&) = delete;

    // By any thread, and in signal handlers. If it comes between the two halves of let_pass(), a poll may stop in vain,
    // no more.
    void stop() noexcept;
    void let_pass();
    // Is this what a poll faulted on?
    bool is(uint64_t address);

private:
    const uint64_t page_;
    std::atomic<bool> stopped_ = false;
    bool stopped_in_vain_ = false;
};

}  // namespace ringfold
