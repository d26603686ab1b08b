// Accesses through a window in tests: done for real, a host fault coming back as an answer.
#pragma once

#include <csetjmp>
#include <csignal>

namespace ringfold::test {

inline sigjmp_buf host_fault_return;

// Runs f; false if it met a SIGSEGV or SIGBUS.
template <class F>
bool survives(F f) {
    struct sigaction action = {}, old_segv, old_bus;
    action.sa_handler = [](int) { siglongjmp(host_fault_return, 1); };
    sigaction(SIGSEGV, &action, &old_segv);
    sigaction(SIGBUS, &action, &old_bus);
    const bool fine = sigsetjmp(host_fault_return, 1) == 0;
    if (fine) f();
    sigaction(SIGSEGV, &old_segv, nullptr);
    sigaction(SIGBUS, &old_bus, nullptr);
    return fine;
}

}  // namespace ringfold::test
