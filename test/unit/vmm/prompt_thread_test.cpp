// What be_prompt() asks of the scheduler, and what it leaves alone.
#include <thread>

#include <catch2/catch.hpp>
#include <sched.h>
#include <unistd.h>

#include <sys/resource.h>
#include <sys/syscall.h>

#include "vmm/host/prompt_thread.h"

using namespace ringfold;

TEST_CASE("a prompt thread stays an ordinary one, as nice as it was, with short turns where the kernel has them") {
    int policy = -1, nice_before = -1, nice_after = -1;
    long kept = -1;
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attributes{};
    std::thread([&] {
        const auto id = static_cast<id_t>(gettid());
        setpriority(PRIO_PROCESS, id, 3);
        nice_before = getpriority(PRIO_PROCESS, id);
        host::be_prompt();
        policy = sched_getscheduler(0);
        nice_after = getpriority(PRIO_PROCESS, id);
        kept = syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0);
    }).join();
    CHECK(policy == SCHED_OTHER);
    CHECK(nice_before == 3);
    CHECK(nice_after == 3);
    REQUIRE(kept == 0);
    // Kernels before 6.12 tell of none.
    CHECK((attributes.runtime == 100'000 || attributes.runtime == 0));
}
