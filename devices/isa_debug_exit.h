// QEMU's isa-debug-exit: a write of v ends the monitor with exit status (v << 1) | 1.
#pragma once

#include <functional>
#include <utility>

#include "devices/device.h"

namespace ringfold {

// Claim its ports with Width::Dword, so that v is the whole value written.
class IsaDebugExit final : public Device {
public:
    explicit IsaDebugExit(std::function<void(int status)> exit) : exit_(std::move(exit)) {}

    uint32_t read(uint32_t, unsigned) override { return 0; }
    void write(uint32_t, unsigned, uint32_t value) override { exit_(static_cast<int>(value << 1 | 1)); }
    void reset() override {}

private:
    std::function<void(int status)> exit_;
};

}  // namespace ringfold
