// Port 0x61, which holds the speaker's gate and the refresh toggle, and port 0x92 with fast A20 and fast reset.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "devices/a20_gate.h"
#include "devices/device.h"
#include "devices/pit.h"

namespace ringfold {

// Registers: 0 is port B (0x61), 1 is port A (0x92).
class SystemControl final : public Device {
public:
    struct State {
        uint8_t port_b = 0;  // bits 0-3 as written
        uint8_t port_a = 0;  // without the A20 bit, which is the gate's

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "port_b", port_b, "port_a", port_a);
        }
    };

    SystemControl(const Clock& clock, Pit& pit, A20Gate& a20, std::function<void()> request_reset)
        : clock_(clock), pit_(pit), a20_(a20), request_reset_(std::move(request_reset)) {}

    uint32_t read(uint32_t offset, unsigned size) override;
    void write(uint32_t offset, unsigned size, uint32_t value) override;
    void reset() override;

    const State& state() const { return state_; }
    void restore(const State& s) { state_ = s; }

private:
    void write_port_a(uint8_t value);

    const Clock& clock_;
    Pit& pit_;
    A20Gate& a20_;
    std::function<void()> request_reset_;
    State state_;
};

}  // namespace ringfold
