// The 0xE9 console of Bochs and QEMU (-debugcon): each byte written goes to the host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "devices/byte_stream.h"
#include "devices/device.h"

namespace ringfold {

class DebugPort final : public Device {
public:
    explicit DebugPort(ByteSink& sink) : sink_(sink) {}

    // Reading 0xE9 is how a guest finds out that the console is there.
    uint32_t read(uint32_t, unsigned) override { return 0xe9; }
    // The guest cannot be told to wait: what the sink does not take is kept, and `stalled` called for each such byte. The
    // machine's owner then runs the CPU no further until the sink has taken it.
    void write(uint32_t, unsigned, uint32_t value) override {
        const auto byte = static_cast<uint8_t>(value);
        if (unsent_.empty() && sink_.write({&byte, 1}) == 1) return;
        if (unsent_.size() < kMostUnsent) unsent_.push_back(byte);
        if (stalled_) stalled_();
    }
    void reset() override {}

    void on_stalled(std::function<void()> stalled) { stalled_ = std::move(stalled); }
    bool wants_output() const { return !unsent_.empty(); }
    // From the owner of the sink.
    void output_ready() {
        if (!unsent_.empty()) unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<ptrdiff_t>(sink_.write(unsent_)));
    }

private:
    static constexpr size_t kMostUnsent = 64 << 10;  // far more than a CPU writes before it hears of it

    ByteSink& sink_;
    std::vector<uint8_t> unsent_;
    std::function<void()> stalled_;
};

}  // namespace ringfold
