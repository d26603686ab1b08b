// The host CPU as one of the CPUs under test, and their judge: runs a CpuCase natively, in a helper process.
#pragma once

#include "test/support/cpu_case.h"

namespace ringfold::test {

struct NativeExchange;

class NativeCpu {
public:
    NativeCpu();
    ~NativeCpu();
    NativeCpu(const NativeCpu&) = delete;
    NativeCpu& operator=(const NativeCpu&) = delete;

    CpuEnd run(const CpuCase&);

private:
    void start_judge();
    void stop_judge();
    bool exchange_bytes();

    int memory_ = -1, start_ = -1, done_ = -1, child_ = -1;
    uint8_t* shared_ = nullptr;
    NativeExchange* exchange_ = nullptr;
};

}  // namespace ringfold::test
