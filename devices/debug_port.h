// The 0xE9 console of Bochs and QEMU (-debugcon): each byte written goes to the host.
#pragma once

#include "devices/byte_stream.h"
#include "devices/device.h"

namespace ringfold {

class DebugPort final : public Device {
public:
    explicit DebugPort(ByteSink& sink) : sink_(sink) {}

    // Reading 0xE9 is how a guest finds out that the console is there.
    uint32_t read(uint32_t, unsigned) override { return 0xe9; }
    // The guest cannot be told to wait, so the sink should be one that always takes the byte.
    void write(uint32_t, unsigned, uint32_t value) override {
        const auto byte = static_cast<uint8_t>(value);
        sink_.write({&byte, 1});
    }
    void reset() override {}

private:
    ByteSink& sink_;
};

}  // namespace ringfold
