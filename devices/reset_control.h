// The PIIX reset control register at port 0xCF9, inside the four ports of the PCI configuration address.
#pragma once

#include <functional>
#include <utility>

#include "devices/device.h"

namespace ringfold {

// Registers: 0-3 are ports 0xCF8 to 0xCFB; claim them with Width::Dword. All four are needed, because a 32-bit
// write to 0xCF8 sets a PCI address and must not reach the reset register (82371SB data sheet, CF9h). The rest reads as
// all ones: PciConfigPorts, where there is PCI, answers it.
class ResetControl final : public Device {
public:
    struct State {
        uint8_t control = 0;

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "control", control);
        }
    };

    explicit ResetControl(std::function<void()> request_reset) : request_reset_(std::move(request_reset)) {}

    uint32_t read(uint32_t offset, unsigned size) override {
        return offset == 1 && size == 1 ? state_.control : 0xffffffff;
    }
    void write(uint32_t offset, unsigned size, uint32_t value) override {
        if (offset != 1 || size != 1) return;
        const bool resets = value & ~state_.control & kResetCpu;
        state_.control = value & (kResetCpu | kSystemReset);
        if (resets && request_reset_) request_reset_();
    }
    void reset() override { state_ = State{}; }

    const State& state() const { return state_; }
    void restore(const State& s) { state_ = s; }

private:
    static constexpr uint8_t kSystemReset = 2, kResetCpu = 4;

    std::function<void()> request_reset_;
    State state_;
};

}  // namespace ringfold
