// Port 0x80, where firmware posts its progress codes and Linux writes only to pass time.
#pragma once

#include "devices/device.h"

namespace ringfold {

// Reads back what was written, as the DMA page register that sits there on a PC does.
class PostPort final : public Device {
public:
    struct State {
        uint8_t code = 0;

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "code", code);
        }
    };

    uint32_t read(uint32_t, unsigned) override { return state_.code; }
    void write(uint32_t, unsigned, uint32_t value) override { state_.code = static_cast<uint8_t>(value); }
    void reset() override { state_ = State{}; }

    const State& state() const { return state_; }
    void restore(const State& s) { state_ = s; }

private:
    State state_;
};

}  // namespace ringfold
