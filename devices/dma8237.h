// The PC's two 8237A DMA controllers with their page registers (Intel 231466; IBM PC AT Technical Reference, 1-9).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>

#include "devices/device.h"
#include "vmm/base/io.h"

namespace ringfold {

// Channels 0 to 3 move bytes, 5 to 7 words; 4 is the cascade. Registers: 0-15 the first controller's (ports 00-0f),
// 16-47 the second's (c0-df, every other one), 48-63 the page registers (80-8f).
class Dma8237 final : public Device {
public:
    struct Channel {
        uint16_t base_address = 0, base_count = 0, address = 0, count = 0;
        uint8_t mode = 0;
        bool masked = true;

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "base_address", base_address, "base_count", base_count, "address", address, "count",
                           count, "mode", mode, "masked", masked);
        }
    };
    struct Controller {
        std::array<Channel, 4> channels;
        uint8_t command = 0;
        uint8_t terminal_counts = 0;  // by channel, until the status is read
        uint8_t requests = 0;         // by software
        bool high_byte = false;       // the next half of an address or a count

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "channels", channels, "command", command, "terminal_counts", terminal_counts,
                           "requests", requests, "high_byte", high_byte);
        }
    };
    struct State {
        std::array<Controller, 2> controllers;
        std::array<uint8_t, 16> pages{};

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "controllers", controllers, "pages", pages);
        }
    };
    // What a device asked to be moved.
    struct Moved {
        size_t bytes = 0;             // 0: the channel is not ready for it
        bool terminal_count = false;  // the count ran out with the last byte: the guest wants no more
        bool memory = true;           // all of it was memory
    };

    explicit Dma8237(PhysicalMemory& memory) : memory_(memory) {}

    // By byte channels (0 to 3). At most until the count runs out.
    Moved to_memory(unsigned channel, std::span<const uint8_t> from);
    Moved from_memory(unsigned channel, std::span<uint8_t> to);
    // `listener` hears when a channel may have become ready.
    void on_changed(std::function<void()> listener) { changed_ = std::move(listener); }

    uint32_t read(uint32_t offset, unsigned size) override;
    void write(uint32_t offset, unsigned size, uint32_t value) override;
    void reset() override { state_.controllers = {}; }

    const State& state() const { return state_; }
    void restore(const State& s) { state_ = s; }

private:
    enum class Transfer : uint8_t { Verify, ToMemory, FromMemory, Illegal };
    uint8_t read_controller(Controller& c, unsigned reg);
    void write_controller(Controller& c, unsigned reg, uint8_t value);
    uint8_t read_half(Controller& c, uint16_t value);
    void write_half(Controller& c, uint16_t& base, uint16_t& current, uint8_t value);
    template <class Bytes, class Move>
    Moved move(unsigned number, Transfer wanted, Bytes bytes, Move one);

    PhysicalMemory& memory_;
    std::function<void()> changed_;
    State state_;
};

}  // namespace ringfold
