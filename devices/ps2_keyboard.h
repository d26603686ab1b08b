// A PS/2 keyboard as the controller sees it over its wire: commands in, scan codes and answers out.
#pragma once

#include <cstdint>

#include "devices/ps2_queue.h"

namespace ringfold {

class Ps2Keyboard {
public:
    struct State {
        Ps2Queue keys, answers;  // answers go first
        uint8_t command = 0;     // a command that waits for its parameter
        uint8_t leds = 0;        // bit 0 Scroll Lock, 1 Num Lock, 2 Caps Lock
        uint8_t scancode_set = 2;
        uint8_t last_sent = 0;
        bool scanning = true;

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "keys", keys, "answers", answers, "command", command, "leds", leds, "scancode_set",
                           scancode_set, "last_sent", last_sent, "scanning", scanning);
        }
    };

    // A key goes down (again: auto-repeat) or up. `key` is its set-1 code, plus 0x80 for the keys that send E0
    // first: QEMU's key numbers. Returns false, and types nothing, if the keyboard does not scan or its buffer is
    // full; code 0xc5 is Pause, which has no release.
    bool key(uint8_t key, bool down);

    void receive(uint8_t byte);
    std::optional<uint8_t> send();
    bool has_output() const { return !state_.keys.empty() || !state_.answers.empty(); }
    void reset() { state_ = State{}; }

    const State& state() const { return state_; }
    void restore(const State& s) { state_ = s; }

private:
    void parameter(uint8_t command, uint8_t byte);
    void set_defaults();

    State state_;
};

}  // namespace ringfold
