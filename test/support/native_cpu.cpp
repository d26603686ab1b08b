// The test's end of the native judge: starts it, passes cases to it, and restarts it when a case killed it.
#include "test/support/native_cpu.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

#include <sys/mman.h>
#include <sys/wait.h>

#include "test/support/native_protocol.h"

namespace ringfold::test {

namespace {
// The host has NX, the guests of these tests do not: only then a fetch is told apart (SDM volume 3, 4.7).
constexpr uint32_t kFetch = 16;
constexpr size_t kSharedBytes = kNativeHeaderBytes + kMaxNativePages * 4096;
}  // namespace

NativeCpu::NativeCpu() {
    signal(SIGPIPE, SIG_IGN);
    memory_ = memfd_create("native-judge", MFD_CLOEXEC);
    if (memory_ < 0 || ftruncate(memory_, kSharedBytes) != 0) throw std::runtime_error("native CPU: no memory");
    void* shared = mmap(nullptr, kSharedBytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory_, 0);
    if (shared == MAP_FAILED) throw std::runtime_error("native CPU: no mapping");
    shared_ = static_cast<uint8_t*>(shared);
    exchange_ = reinterpret_cast<NativeExchange*>(shared_);
    start_judge();
}

NativeCpu::~NativeCpu() {
    stop_judge();
    munmap(shared_, kSharedBytes);
    close(memory_);
}

void NativeCpu::start_judge() {
    int to[2], from[2];
    if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) throw std::runtime_error("native CPU: no pipe");
    child_ = fork();
    if (child_ == 0) {
        // Two steps: a source may be one of the targets.
        const int source[3] = {memory_, to[0], from[1]};
        const int target[3] = {kNativeMemory, kNativeStart, kNativeDone};
        int high[3];
        for (int i = 0; i < 3; ++i) high[i] = fcntl(source[i], F_DUPFD_CLOEXEC, 100);
        for (int i = 0; i < 3; ++i) dup2(high[i], target[i]);
        execl(NATIVE_JUDGE, NATIVE_JUDGE, static_cast<char*>(nullptr));
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    start_ = to[1];
    done_ = from[0];
}

void NativeCpu::stop_judge() {
    close(start_);
    close(done_);
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
}

bool NativeCpu::exchange_bytes() {
    char byte = 'r';
    return write(start_, &byte, 1) == 1 && read(done_, &byte, 1) == 1;
}

CpuEnd NativeCpu::run(const CpuCase& c) {
    if (c.pages.size() > kMaxNativePages) throw std::runtime_error("native CPU: too many pages");
    if (c.ldt.size() > kMaxNativeDescriptors) throw std::runtime_error("native CPU: too many descriptors");
    NativeExchange& x = *exchange_;
    memcpy(x.begin.gpr, c.gpr.data(), sizeof x.begin.gpr);
    x.begin.eip = c.eip;
    x.begin.eflags = c.eflags;
    memcpy(x.begin.fpu, c.fpu.data(), sizeof x.begin.fpu);
    x.pages = static_cast<uint32_t>(c.pages.size());
    memset(x.page, 0, sizeof x.page);
    for (size_t i = 0; i < c.pages.size(); ++i) {
        x.page[i] = {c.pages[i].address, c.pages[i].writable};
        memcpy(shared_ + kNativeHeaderBytes + i * 4096, c.pages[i].bytes.data(), 4096);
    }

    memset(x.ldt, 0, sizeof x.ldt);
    if (!c.ldt.empty()) memcpy(x.ldt, c.ldt.data(), c.ldt.size() * sizeof c.ldt[0]);

    CpuEnd end;
    if (!exchange_bytes()) {
        stop_judge();
        start_judge();
        return end;
    }
    end.kind = x.signal == SIGALRM ? EndKind::TimedOut : x.signal == SIGSYS ? EndKind::SystemCall : EndKind::Fault;
    end.vector = static_cast<uint8_t>(x.vector);
    end.error_code = x.error_code;
    if (end.vector == 14) {
        end.cr2 = x.cr2;
        end.error_code &= ~kFetch;
    }
    memcpy(end.gpr.data(), x.end.gpr, sizeof x.end.gpr);
    end.eip = x.end.eip;
    end.eflags = x.end.eflags;
    memcpy(end.segment.data(), x.end.segment, sizeof x.end.segment);
    memcpy(end.fpu.data(), x.end.fpu, sizeof x.end.fpu);
    end.pages = c.pages;
    for (size_t i = 0; i < c.pages.size(); ++i)
        memcpy(end.pages[i].bytes.data(), shared_ + kNativeHeaderBytes + i * 4096, 4096);
    return end;
}

}  // namespace ringfold::test
