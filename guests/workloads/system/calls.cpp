// One process and the kernel: system calls, signals, memory.
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include <sys/mman.h>
#include <sys/syscall.h>

#include "rows.h"

namespace {

volatile uint32_t signals_seen;

}  // namespace

uint32_t getppid_calls() {
    uint32_t failed = 0;
    for (int i = 0; i < 100'000; ++i) failed += syscall(SYS_getppid) < 0;
    return failed;
}

uint32_t signals() {
    signals_seen = 0;
    struct sigaction action {};
    action.sa_handler = [](int) { signals_seen = signals_seen + 1; };
    sigaction(SIGUSR1, &action, nullptr);
    for (int i = 0; i < 10'000; ++i) raise(SIGUSR1);
    return signals_seen;
}

uint32_t map_touch_unmap() {
    constexpr size_t kPage = 4096, kPages = 64;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 300; ++i) {
        void* memory = mmap(nullptr, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) std::abort();
        auto* bytes = static_cast<volatile uint8_t*>(memory);
        for (size_t page = 0; page < kPages; ++page) {
            sum += bytes[page * kPage];  // what others left here would show
            bytes[page * kPage] = uint8_t(i);
        }
        for (size_t page = 0; page < kPages; ++page) sum += bytes[page * kPage];
        munmap(memory, kPages * kPage);
    }
    return sum;
}
