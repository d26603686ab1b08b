// A PS/2 mouse with wheel (IntelliMouse and IntelliMouse Explorer protocols) at the controller's second port.
#pragma once

#include <array>
#include <cstdint>

#include "devices/ps2_queue.h"

namespace ringfold {

class Ps2Mouse {
public:
    // How far movement may run ahead of a guest that does not read.
    static constexpr int kFarthest = 4096;

    struct State {
        Ps2Queue output;
        uint8_t command = 0;  // a command that waits for its parameter
        uint8_t last_sent = 0;
        uint8_t id = 0;  // 0 plain, 3 with wheel, 4 with wheel and five buttons
        uint8_t sample_rate = 100, resolution = 2;
        std::array<uint8_t, 2> earlier_rates{};  // the knock that unlocks the wheel
        bool scaling = false, reporting = false, remote = false, wrap = false;
        uint8_t buttons = 0;  // bit 0 left, 1 right, 2 middle, 3 and 4 side buttons
        bool buttons_changed = false;
        int dx = 0, dy = 0, dz = 0;  // moved and not yet reported; dy grows upwards, dz towards the user

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "output", output, "command", command, "last_sent", last_sent, "id", id, "sample_rate",
                           sample_rate, "resolution", resolution, "earlier_rates", earlier_rates, "scaling", scaling,
                           "reporting", reporting, "remote", remote, "wrap", wrap, "buttons", buttons,
                           "buttons_changed", buttons_changed, "dx", dx, "dy", dy, "dz", dz);
            for (const int by : {dx, dy, dz}) archive.require(-kFarthest <= by && by <= kFarthest, "movement");
        }
    };

    // The user moved (dy grows downwards, as screens count; dz towards the user) or holds other buttons.
    void move(int dx, int dy, int dz, uint8_t buttons);

    void receive(uint8_t byte);
    std::optional<uint8_t> send();
    bool has_output() const { return !state_.output.empty(); }
    void reset() { state_ = State{}; }

    const State& state() const { return state_; }
    void restore(const State& s) { state_ = s; }

private:
    void parameter(uint8_t command, uint8_t byte);
    void set_sample_rate(uint8_t rate);
    void set_defaults();
    void report_if_due();
    void push_packet();

    State state_;
};

}  // namespace ringfold
