// Processes that begin, end, and wait for each other.
#include <sched.h>
#include <unistd.h>

#include <cstdlib>

#include <sys/wait.h>

#include "rows.h"

namespace {

// All on one CPU, as in the guest, so that the host's second one does not turn a switch into a wake-up elsewhere.
void stay_on_one_cpu() {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
}

// Starts a child that does `work` and gives back its exit status.
template <typename Work>
int child(Work work) {
    const pid_t pid = fork();
    if (pid < 0) std::abort();
    if (pid == 0) _exit(work());
    int status = 0;
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) std::abort();
    return WEXITSTATUS(status);
}

void pass_on(int from, int to, uint32_t turns) {
    for (uint32_t token; turns; --turns) {
        if (read(from, &token, sizeof token) != sizeof token) std::abort();
        ++token;
        if (write(to, &token, sizeof token) != sizeof token) std::abort();
    }
}

}  // namespace

uint32_t fork_and_wait() {
    stay_on_one_cpu();
    uint32_t sum = 0;
    for (int i = 0; i < 300; ++i) sum += uint32_t(child([i] { return i & 63; }));
    return sum;
}

uint32_t fork_and_exec() {
    stay_on_one_cpu();
    uint32_t sum = 0;
    for (int i = 0; i < 150; ++i)
        sum += uint32_t(child([] {
            execlp("false", "false", nullptr);
            return 127;
        }));
    return sum;  // of the statuses, each 1
}

uint32_t pipe_ping_pong() {
    stay_on_one_cpu();
    constexpr uint32_t kTurns = 5'000;
    int there[2], back[2];
    if (pipe(there) || pipe(back)) std::abort();
    const pid_t pid = fork();
    if (pid < 0) std::abort();
    if (pid == 0) {
        pass_on(there[0], back[1], kTurns);
        _exit(0);
    }
    uint32_t token = 0;
    if (write(there[1], &token, sizeof token) != sizeof token) std::abort();
    pass_on(back[0], there[1], kTurns - 1);
    if (read(back[0], &token, sizeof token) != sizeof token) std::abort();
    waitpid(pid, nullptr, 0);
    for (const int fd : {there[0], there[1], back[0], back[1]}) close(fd);
    return token;
}
