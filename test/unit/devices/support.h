// What the device tests share: wires and byte streams that remember what happened on them.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>

#include "devices/byte_stream.h"
#include "devices/device.h"
#include "devices/irq_line.h"

namespace ringfold {

// An interrupt controller that only watches.
class WatchedLines final : public IrqSink {
public:
    void set_irq(unsigned input, bool level) override {
        if (level && !level_[input]) rises_[input]++;
        level_[input] = level;
    }
    bool level(unsigned input) const { return level_[input]; }
    unsigned rises(unsigned input) const { return rises_[input]; }
    // The rises since the last call.
    unsigned take_rises(unsigned input) {
        const unsigned n = rises_[input];
        rises_[input] = 0;
        return n;
    }

private:
    std::array<bool, 16> level_{};
    std::array<unsigned, 16> rises_{};
};

// A host end that takes `room` bytes and then no more.
class FakeSink final : public ByteSink {
public:
    size_t write(std::span<const uint8_t> bytes) override {
        size_t taken = 0;
        for (; taken < bytes.size() && room > 0; taken++, room--) text += static_cast<char>(bytes[taken]);
        return taken;
    }
    std::string text;
    size_t room = SIZE_MAX;
};

class FakeSource final : public ByteSource {
public:
    std::optional<uint8_t> take() override {
        if (bytes.empty()) return std::nullopt;
        const uint8_t byte = bytes.front();
        bytes.pop_front();
        return byte;
    }
    void add(const std::string& s) { bytes.insert(bytes.end(), s.begin(), s.end()); }
    std::deque<uint8_t> bytes;
};

inline unsigned get(Device& device, uint32_t offset) {
    return device.read(offset, 1) & 0xff;
}
inline void put(Device& device, uint32_t offset, unsigned value) {
    device.write(offset, 1, value);
}

}  // namespace ringfold
