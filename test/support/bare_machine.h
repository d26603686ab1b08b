// A machine for tests: a few bytes of 32-bit code at 1 MiB, no terminal, input that the test supplies.
#pragma once

#include <deque>
#include <span>
#include <vector>

#include "vmm/loader.h"
#include "vmm/machine.h"
#include "vmm/run_loop.h"

namespace ringfold::test {

inline constexpr uint32_t kCodeAddress = 0x100000;

class CodeLoader final : public Loader {
public:
    explicit CodeLoader(std::vector<uint8_t> code) : code_(std::move(code)) {}
    void place(Ram& ram, CpuState& cpu) const override {
        std::copy(code_.begin(), code_.end(), ram.host(GuestPhys(kCodeAddress)));
        enter_flat_protected_mode(ram, cpu, 0x1000, 0x08, 0x10);
        cpu.gpr[ESP] = 0x80000;
        cpu.eip = kCodeAddress;
    }

private:
    std::vector<uint8_t> code_;
};

class TestInput final : public Input {
public:
    std::deque<uint8_t> typed;
    bool leave = false;

    const Clock& clock() const override { return clock_; }
    std::optional<uint8_t> take() override {
        if (typed.empty()) return std::nullopt;
        const uint8_t byte = typed.front();
        typed.pop_front();
        return byte;
    }
    void receive() override {}
    int console_fd() const override { return -1; }
    host::Mailbox& mailbox() override { return mailbox_; }
    bool left() const override { return leave; }
    Nanoseconds to_monotonic(Nanoseconds t) const override { return clock_.to_monotonic(t); }

private:
    HostClock clock_;
    host::Mailbox mailbox_;
};

}  // namespace ringfold::test
